package seal

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/linli/linli/internal/fault"
)

// Database is where the check values of the keys are kept: they tell a wrong key from the right one without revealing
// either.
type Database interface {
	Meta(ctx context.Context, name string) (string, error)
	// PutMetaOnce stores a value unless there is one, and returns what is stored.
	PutMetaOnce(ctx context.Context, name, value string) (string, error)
	// MasterKeysInUse returns the ids of the master keys under which living subject keys are wrapped.
	MasterKeysInUse(ctx context.Context) ([]string, error)
}

// Config says where the keys are.
type Config struct {
	Path string // of the key file
	// MayCreate lets a missing key file be created. Only a SQLite directory that holds no data yet may do that: anywhere
	// else a new key would make what is there unreadable.
	MayCreate bool
	Random    io.Reader // crypto/rand.Reader, except in tests
}

// Path is the key file that the environment names, else the one in the data directory.
func Path(getenv func(string) string, dir string) string {
	if path := getenv(KeysFileVariable); path != "" {
		return path
	}
	return filepath.Join(dir, KeyFile)
}

// Open loads the keys and checks that they are the ones the database was written with. On a database that has not seen
// them yet it stores their check values.
func Open(ctx context.Context, cfg Config, db Database) (*Keyring, error) {
	ring, err := Load(cfg.Path, cfg.Random)
	if errors.Is(err, ErrKeyMissing) && cfg.MayCreate {
		known, merr := db.Meta(ctx, checkName("audit", ""))
		if merr != nil {
			return nil, fmt.Errorf("look for the check value of the keys: %w", merr)
		}
		if known != "" { // the database has seen keys: they are lost, not new
			return nil, err
		}
		if err := Create(cfg.Path, cfg.Random); err != nil {
			return nil, err
		}
		ring, err = Load(cfg.Path, cfg.Random)
	}
	if err != nil {
		return nil, err
	}
	return ring, ring.Verify(ctx, db)
}

// Verify compares the keys with the check values in the database and stores those that are missing. A key that differs,
// or a master key that is gone although subject keys are wrapped under it, is ErrWrongKey.
func (k *Keyring) Verify(ctx context.Context, db Database) error {
	if err := k.verify(ctx, db, checkName("audit", ""), k.audit); err != nil {
		return err
	}
	if err := k.verify(ctx, db, checkName("lookup", ""), k.lookup); err != nil {
		return err
	}
	for _, m := range k.masters {
		if err := k.verify(ctx, db, checkName("master", m.id), m.key); err != nil {
			return err
		}
	}
	used, err := db.MasterKeysInUse(ctx)
	if err != nil {
		return fmt.Errorf("look for the master keys in use: %w", err)
	}
	for _, id := range used {
		if _, err := k.master(id); err != nil {
			return err
		}
	}
	return nil
}

func checkName(role, id string) string {
	if id == "" {
		return "key_check." + role
	}
	return "key_check." + role + "." + id
}

func (k *Keyring) verify(ctx context.Context, db Database, name string, key []byte) error {
	value := hex.EncodeToString(mac(key, "linli key check 1", []byte(name)))
	stored, err := db.Meta(ctx, name)
	if err == nil && stored == "" {
		stored, err = db.PutMetaOnce(ctx, name, value)
	}
	if err != nil {
		return fmt.Errorf("check the keys: %w", err)
	}
	if !hmac.Equal([]byte(stored), []byte(value)) {
		return fault.Wrap(fmt.Errorf("%w: %s", ErrWrongKey, name), fault.Key, "wrong_key",
			"密钥与数据不符（"+name+"）：数据是用另一把密钥写入的。请恢复这些数据原来的密钥文件。",
			"the key does not fit the data ("+name+"): it was written with another one; restore the key file that belongs to this data")
	}
	return nil
}
