// Package token makes and reads the tokens with which people use the HTTP interface: linli_COMMUNITY_ID_SECRET. It knows nothing of
// rights or storage; what is stored of a token is the hash of its secret.
package token

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"strings"
)

// prefix begins every token, so that people and scanners for leaked secrets know one when they see it.
const prefix = "linli_"

// maxLength bounds what is looked at, in bytes.
const maxLength = 600

// Parts are what a token says.
type Parts struct {
	Community string
	Instance  string // id of the registry entry
	Secret    string
}

// ErrMalformed says that a text is no token. It never repeats the text.
var ErrMalformed = errors.New("this is no token")

// NewSecret draws a secret of at least 128 bits.
func NewSecret() string { return rand.Text() }

// Format writes a token.
func Format(community, instance, secret string) string {
	return prefix + community + "_" + instance + "_" + secret
}

// Parse reads a token. A community's id may hold underscores; the others do not.
func Parse(text string) (Parts, error) {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || len(text) > maxLength {
		return Parts{}, ErrMalformed
	}
	rest, secret, ok := cutLast(rest)
	if !ok {
		return Parts{}, ErrMalformed
	}
	community, instance, ok := cutLast(rest)
	if !ok {
		return Parts{}, ErrMalformed
	}
	return Parts{community, instance, secret}, nil
}

// cutLast cuts around the last underscore; nothing may be empty.
func cutLast(s string) (before, after string, ok bool) {
	n := strings.LastIndexByte(s, '_')
	if n <= 0 || n == len(s)-1 {
		return "", "", false
	}
	return s[:n], s[n+1:], true
}

// Hash is what is stored of a secret: SHA-256 in hex. Secrets are drawn, not chosen, so that nobody finds one by trying.
func Hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Matches reports whether a secret has the hash. It takes the same time wherever they differ.
func Matches(hash, secret string) bool {
	return subtle.ConstantTimeCompare([]byte(hash), []byte(Hash(secret))) == 1
}
