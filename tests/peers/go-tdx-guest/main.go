// The module go-tdx-guest, unmodified, over a folder of cases (tests/peers/run.py makes them), with its collateral and
// revocation checks on. A line a case: NAME, TAB, "accepted" or "refused REASON".
package main

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-tdx-guest/verify"
)

type folder string // answers the module's requests from files

func (f folder) Get(address string) (map[string][]string, []byte, error) {
	for _, row := range []struct{ part, file, header, chain string }{
		{"/pckcrl", "pck_crl.der", "Sgx-Pck-Crl-Issuer-Chain", "pck_crl_issuer_chain.pem"},
		{"/tcb?", "tcb_info.json", "Tcb-Info-Issuer-Chain", "tcb_info_issuer_chain.pem"},
		{"/qe/identity", "qe_identity.json", "Sgx-Enclave-Identity-Issuer-Chain", "qe_identity_issuer_chain.pem"},
		{"", "root_ca_crl.der", "", ""},
	} {
		if !strings.Contains(address, row.part) {
			continue
		}
		body, err := os.ReadFile(filepath.Join(string(f), row.file))
		if err != nil || row.header == "" {
			return nil, body, err
		}
		chain, err := os.ReadFile(filepath.Join(string(f), row.chain))
		return map[string][]string{row.header: {url.QueryEscape(string(chain))}}, body, err
	}
	return nil, nil, fmt.Errorf("no answer")
}

func judge(dir string) (err error) {
	defer func() { // a crash is an answer too
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	quote, err := os.ReadFile(filepath.Join(dir, "quote.bin"))
	if err != nil {
		return err
	}
	der, err := os.ReadFile(filepath.Join(dir, "root.der"))
	if err != nil {
		return err
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	when, err := os.ReadFile(filepath.Join(dir, "time"))
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(when)), 10, 64)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	return verify.RawTdxQuote(quote, &verify.Options{CheckRevocations: true, GetCollateral: true, Getter: folder(dir),
		Now: time.Unix(seconds, 0), TrustedRoots: roots})
}

func main() {
	entries, err := os.ReadDir(os.Args[1])
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		line := "accepted"
		if err := judge(filepath.Join(os.Args[1], e.Name())); err != nil {
			line = "refused " + strings.NewReplacer("\n", " ", "\t", " ").Replace(err.Error())
		}
		fmt.Printf("%s\t%s\n", e.Name(), line)
	}
}
