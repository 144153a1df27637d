// Package seal keeps personal values unreadable without keys that are not in the database, lets one person's values be
// erased by destroying one key, and signs the history so that nobody can rewrite it unnoticed. It knows nothing of where
// sealed values are stored.
//
// Three kinds of key stand in one file outside the database: master keys, which wrap the data key of each person or
// household (the first one wraps new ones, the others still open old ones); the audit key, which signs the history and
// the checkpoint file, so that an auditor needs no other; and the lookup key, under which mobile numbers are hashed.
package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/linli/linli/internal/fault"
)

// keySize is the length of every key in bytes.
const keySize = 32

// The failures of this package that callers tell apart.
var (
	ErrKeyMissing = errors.New("the key file is missing")
	ErrKeyFile    = errors.New("the key file cannot be used")
	ErrWrongKey   = errors.New("wrong key")
	ErrDestroyed  = errors.New("the subject's key has been destroyed")
	ErrBox        = errors.New("a sealed value does not open")
)

// Keyring holds the keys of an installation. It is safe for concurrent use.
type Keyring struct {
	masters []master // the first is current
	audit   []byte
	lookup  []byte

	mu     sync.Mutex
	random io.Reader
}

type master struct {
	id  string
	key []byte
}

// Current is the id of the master key that wraps new subject keys.
func (k *Keyring) Current() string { return k.masters[0].id }

// String keeps keys out of logs.
func (k *Keyring) String() string { return fmt.Sprintf("keyring with %d master keys", len(k.masters)) }

// GoString keeps keys out of logs.
func (k *Keyring) GoString() string { return k.String() }

func (k *Keyring) master(id string) ([]byte, error) {
	for _, m := range k.masters {
		if m.id == id {
			return m.key, nil
		}
	}
	return nil, fault.Wrap(fmt.Errorf("%w: no master key %q", ErrWrongKey, id), fault.Key, "master_key_missing",
		"密钥文件中没有主密钥“"+id+"”。请把它重新加入密钥文件。",
		"the key file has no master key "+id+"; put it back into the key file")
}

// draw reads n random bytes.
func (k *Keyring) draw(n int) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return draw(k.random, n)
}

func draw(random io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(random, b); err != nil {
		return nil, fmt.Errorf("draw random bytes: %w", err)
	}
	return b, nil
}

// mac is HMAC-SHA-256 over a label and the parts, each with its length in front, so that no two inputs look alike.
func mac(key []byte, label string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	var size [8]byte
	for _, part := range append([][]byte{[]byte(label)}, parts...) {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write(part)
	}
	return h.Sum(nil)
}

// Chain returns the MAC of a history entry over the entry before it: prev is the previous MAC, empty for the first.
func (k *Keyring) Chain(prev, body []byte) []byte { return mac(k.audit, "linli history 1", prev, body) }

// LookupHash returns the keyed hash under which a mobile number can be found without being stored. The number is hashed
// as given: normalise it first. The same number has different hashes in different communities.
func (k *Keyring) LookupHash(community, mobile string) string {
	return base64.RawURLEncoding.EncodeToString(mac(k.lookup, "linli lookup 1", []byte(community), []byte(mobile)))
}

// Fingerprint returns a keyed hash that tells one request of a community from another. Requests hold personal values, and
// whoever has the database but no keys must not be able to find them by trying.
func (k *Keyring) Fingerprint(community string, request []byte) string {
	return base64.RawURLEncoding.EncodeToString(mac(k.lookup, "linli request 1", []byte(community), request))
}

// TimerMark returns the MAC, under the audit key, of the end of a timer that no history entry tells of.
func (k *Keyring) TimerMark(end []byte) string {
	return base64.RawURLEncoding.EncodeToString(mac(k.audit, "linli timer 1", end))
}
