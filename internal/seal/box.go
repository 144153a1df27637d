package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// boxVersion is the first byte of every box, so that the format can change one day.
const boxVersion = 1

// DataKey seals the values of one subject. It is opaque so that it does not end up in a log.
type DataKey struct{ raw [keySize]byte }

// String keeps the key out of logs.
func (DataKey) String() string { return "data key" }

// GoString keeps the key out of logs.
func (DataKey) GoString() string { return "data key" }

// Wrapped is a data key as it is stored: sealed under a master key.
type Wrapped struct {
	KeyID string // of the master key
	Box   []byte
}

// Place is where a sealed value stands. A box opens nowhere else, so that copying it to another row is noticed.
type Place struct {
	Community string
	Table     string
	Column    string
	Row       string
}

func (p Place) bound() []byte { return bind("value", p.Community, p.Table, p.Column, p.Row) }

// bind joins texts, each with its length in front, so that no two lists give the same bytes.
func bind(parts ...string) []byte {
	var b []byte
	for _, part := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part))) //nolint:gosec // names are far shorter than 4 GiB
		b = append(b, part...)
	}
	return b
}

// NewSubjectKey draws a data key for a subject and wraps it under the current master key.
func (k *Keyring) NewSubjectKey(community, subject string) (DataKey, Wrapped, error) {
	raw, err := k.draw(keySize)
	if err != nil {
		return DataKey{}, Wrapped{}, err
	}
	key := DataKey{raw: [keySize]byte(raw)}
	wrapped, err := k.wrap(community, subject, key)
	return key, wrapped, err
}

func (k *Keyring) wrap(community, subject string, key DataKey) (Wrapped, error) {
	m := k.masters[0]
	aead, err := wrapping(m.key)
	if err != nil {
		return Wrapped{}, err
	}
	box, err := k.encrypt(aead, key.raw[:], bind("subject key", m.id, community, subject))
	return Wrapped{KeyID: m.id, Box: box}, err
}

// Unwrap opens a subject's stored data key. An empty box is ErrDestroyed; a master key that is not in the ring, or is
// another one of the same id, is ErrWrongKey.
func (k *Keyring) Unwrap(community, subject string, w Wrapped) (DataKey, error) {
	if len(w.Box) == 0 {
		return DataKey{}, fmt.Errorf("%w: %s", ErrDestroyed, subject)
	}
	m, err := k.master(w.KeyID)
	if err != nil {
		return DataKey{}, err
	}
	aead, err := wrapping(m)
	if err != nil {
		return DataKey{}, err
	}
	raw, err := decrypt(aead, w.Box, bind("subject key", w.KeyID, community, subject))
	if err != nil || len(raw) != keySize {
		return DataKey{}, fmt.Errorf("%w: the data key of %s does not open under master key %s", ErrWrongKey, subject, w.KeyID)
	}
	return DataKey{raw: [keySize]byte(raw)}, nil
}

// Rewrap wraps a subject's data key under the current master key, so that an older one can be retired.
func (k *Keyring) Rewrap(community, subject string, w Wrapped) (Wrapped, error) {
	key, err := k.Unwrap(community, subject, w)
	if err != nil {
		return Wrapped{}, err
	}
	return k.wrap(community, subject, key)
}

// Seal encrypts a value under a subject's key, for one place only. Sealing the same value again gives another box.
func (k *Keyring) Seal(key DataKey, at Place, plaintext []byte) ([]byte, error) {
	aead, err := gcm(key.raw[:])
	if err != nil {
		return nil, err
	}
	return k.encrypt(aead, plaintext, at.bound())
}

// Open decrypts a box that was sealed under the same key for the same place; anything else is ErrBox.
func (k *Keyring) Open(key DataKey, at Place, box []byte) ([]byte, error) {
	aead, err := gcm(key.raw[:])
	if err != nil {
		return nil, err
	}
	plaintext, err := decrypt(aead, box, at.bound())
	if err != nil {
		return nil, fmt.Errorf("%s.%s of %s: %w", at.Table, at.Column, at.Row, err)
	}
	return plaintext, nil
}

func (k *Keyring) encrypt(aead cipher.AEAD, plaintext, bound []byte) ([]byte, error) {
	nonce, err := k.draw(aead.NonceSize())
	if err != nil {
		return nil, err
	}
	box := append([]byte{boxVersion}, nonce...)
	return aead.Seal(box, nonce, plaintext, bound), nil
}

func decrypt(aead cipher.AEAD, box, bound []byte) ([]byte, error) {
	if len(box) < 1+aead.NonceSize()+aead.Overhead() || box[0] != boxVersion {
		return nil, fmt.Errorf("%w: it is damaged", ErrBox)
	}
	nonce, sealed := box[1:1+aead.NonceSize()], box[1+aead.NonceSize():]
	plaintext, err := aead.Open(nil, nonce, sealed, bound)
	if err != nil {
		return nil, fmt.Errorf("%w: it was changed, moved from another place, or sealed under another key", ErrBox)
	}
	return plaintext, nil
}

// wrapping derives the cipher that wraps data keys, so that a master key itself is never used for two purposes.
func wrapping(masterKey []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, masterKey, nil, "linli subject key wrapping 1", keySize)
	if err != nil {
		return nil, fmt.Errorf("derive the wrapping key: %w", err)
	}
	return gcm(key)
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("set up AES: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("set up GCM: %w", err)
	}
	return aead, nil
}
