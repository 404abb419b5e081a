#include "base/civil.h"

#include <stdio.h>

#define SECONDS_MIN (-62135596800) /* 0001-01-01T00:00:00Z */
#define SECONDS_MAX 253402300799   /* 9999-12-31T23:59:59Z */

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Days before the first of January of a year, counted from year 1. */
static int64_t year_days(int year)
{
    int64_t y = year - 1;

    return y * 365 + y / 4 - y / 100 + y / 400;
}

bool civil_to_unix(const struct civil *c, int64_t *out, struct err *err)
{
    int64_t days;

    if (c->year < 1 || c->year > 9999 || c->month < 1 || c->month > 12 || c->day < 1 ||
        c->day > month_days(c->year, c->month) || c->hour < 0 || c->hour > 23 || c->minute < 0 || c->minute > 59 ||
        c->second < 0 || c->second > 59) {
        return FAIL(err, REASON_TIME_FORM, ERR_NOWHERE, "%d-%d-%d %d:%d:%d is no time", c->year, c->month, c->day,
                    c->hour, c->minute, c->second);
    }
    days = year_days(c->year) + c->day - 1;
    for (int m = 1; m < c->month; m++) {
        days += month_days(c->year, m);
    }
    *out = SECONDS_MIN + days * 86400 + c->hour * 3600 + c->minute * 60 + c->second;
    return true;
}

void civil_from_unix(int64_t t, struct civil *out)
{
    int64_t days, left;

    t = t < SECONDS_MIN ? SECONDS_MIN : t > SECONDS_MAX ? SECONDS_MAX : t;
    days = (t - SECONDS_MIN) / 86400;
    left = (t - SECONDS_MIN) % 86400;
    out->year = (int)(days * 400 / 146097); /* one too few, or two at a year's begin */
    while (year_days(out->year + 1) <= days) {
        out->year++;
    }
    days -= year_days(out->year);
    out->month = 1;
    while (days >= month_days(out->year, out->month)) {
        days -= month_days(out->year, out->month);
        out->month++;
    }
    out->day = (int)days + 1;
    out->hour = (int)(left / 3600);
    out->minute = (int)(left % 3600 / 60);
    out->second = (int)(left % 60);
}

/* n digits. */
static int number_get(const uint8_t *p, size_t n)
{
    int v = 0;

    for (size_t i = 0; i < n; i++) {
        v = v * 10 + (p[i] - '0');
    }
    return v;
}

bool civil_parse_iso8601(struct bytes t, int64_t *out, struct err *err)
{
    static const char form[] = "0000-00-00T00:00:00."; /* 0: any digit, as is all between the point and the Z */
    bool ok = t.len >= 20 && t.len <= 40 && t.len != 21 && t.p[t.len - 1] == 'Z';

    for (size_t i = 0; ok && i + 1 < t.len; i++) {
        const char want = i < sizeof form - 1 ? form[i] : '0';

        ok = want == '0' ? t.p[i] >= '0' && t.p[i] <= '9' : t.p[i] == (uint8_t)want;
    }
    if (!ok) {
        return FAIL(err, REASON_TIME_FORM, 0, "not of the form 2026-11-24T12:00:00Z");
    }
    return civil_to_unix(&(struct civil){.year = number_get(t.p, 4),
                                         .month = number_get(t.p + 5, 2),
                                         .day = number_get(t.p + 8, 2),
                                         .hour = number_get(t.p + 11, 2),
                                         .minute = number_get(t.p + 14, 2),
                                         .second = number_get(t.p + 17, 2)},
                         out, err);
}

void civil_print_iso8601(int64_t t, char out[CIVIL_ISO8601_SIZE])
{
    struct civil c;

    civil_from_unix(t, &c);
    /* The fields are in range by construction; the masks tell the compiler so. */
    (void)snprintf(out, CIVIL_ISO8601_SIZE, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)c.year % 10000U,
                   (unsigned)c.month % 100U, (unsigned)c.day % 100U, (unsigned)c.hour % 100U, (unsigned)c.minute % 100U,
                   (unsigned)c.second % 100U);
}
