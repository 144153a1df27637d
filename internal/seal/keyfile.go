package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/linli/linli/internal/fault"
)

// KeyFile is the name of the key file in a SQLite data directory, unless KeysFileVariable names another.
const KeyFile = "linli.keys"

// KeysFileVariable is the environment variable that names the key file.
const KeysFileVariable = "LINLI_KEYS_FILE"

// keyFile is the content of a key file. Adding a master key in front of the list makes it the current one.
type keyFile struct {
	Format  int         `json:"linli_keys"` // 1
	Masters []masterKey `json:"master"`
	Audit   []byte      `json:"audit"`
	Lookup  []byte      `json:"lookup"`
}

type masterKey struct {
	ID  string `json:"id"`
	Key []byte `json:"key"`
}

// Create writes a file of newly drawn keys that only its owner can read. A file that is there already stays untouched
// and is an error. The file appears whole or not at all: a process that is killed meanwhile leaves no damaged keys behind,
// only perhaps a file next to it, whose name begins with a dot and which may be deleted.
func Create(path string, random io.Reader) error {
	keys, err := draw(random, 3*keySize)
	if err != nil {
		return err
	}
	content, err := json.MarshalIndent(keyFile{
		Format: 1, Masters: []masterKey{{ID: "m1", Key: keys[:keySize]}},
		Audit: keys[keySize : 2*keySize], Lookup: keys[2*keySize:],
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the keys: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // readable by its owner alone
	if err != nil {
		return fmt.Errorf("create the key file: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(append(content, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the key file: %w", err)
	}
	if err := errors.Join(moveNew(f.Name(), path), syncDirectory(filepath.Dir(path))); err != nil {
		return fmt.Errorf("create the key file: %w", err)
	}
	return nil
}

// moveNew gives a file its name unless there is a file of that name. A file system without hard links cannot do both in
// one step; there the lock on the data directory keeps others away.
func moveNew(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, serr := os.Lstat(to); !errors.Is(serr, fs.ErrNotExist) {
		return errors.Join(fs.ErrExist, serr)
	}
	return os.Rename(from, to)
}

// syncDirectory makes a new name in a directory survive a loss of power.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Load reads a key file. random is used for everything that is drawn later. A missing file is ErrKeyMissing, a damaged
// one, or one that others can read, ErrKeyFile.
func Load(path string, random io.Reader) (*Keyring, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(ErrKeyMissing, fault.Key, "key_file_missing",
			"找不到密钥文件 "+path+"。没有它就无法读取个人信息。请从备份恢复，或用环境变量 "+KeysFileVariable+" 指明它的位置。",
			"there is no key file "+path+", and without it personal data cannot be read; restore it from its backup, or say with "+KeysFileVariable+" where it is")
	}
	if err != nil {
		return nil, fmt.Errorf("read the key file: %w", err)
	}
	if info, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("read the key file: %w", err)
	} else if filepath.Base(path) == KeyFile && info.Mode().Perm()&0o077 != 0 {
		return nil, fault.Wrap(fmt.Errorf("%w: mode %o", ErrKeyFile, info.Mode().Perm()), fault.Key, "key_file_readable",
			"密钥文件 "+path+" 可被其他用户读取。请执行 chmod 600 "+path+"。",
			"the key file "+path+" can be read by others; run chmod 600 "+path)
	}
	ring, err := parse(content)
	if err != nil {
		return nil, fault.Wrap(err, fault.Key, "key_file_damaged",
			"密钥文件 "+path+" 已损坏。请从备份恢复。", "the key file "+path+" is damaged; restore it from its backup")
	}
	ring.random = random
	return ring, nil
}

func parse(content []byte) (*Keyring, error) {
	var f keyFile
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	if f.Format != 1 {
		return nil, fmt.Errorf("%w: its format is %d, this program knows 1", ErrKeyFile, f.Format)
	}
	if len(f.Audit) != keySize || len(f.Lookup) != keySize {
		return nil, fmt.Errorf("%w: the audit and the lookup key must have %d bytes", ErrKeyFile, keySize)
	}
	if len(f.Masters) == 0 {
		return nil, fmt.Errorf("%w: it has no master key", ErrKeyFile)
	}
	ring := &Keyring{audit: f.Audit, lookup: f.Lookup}
	seen := map[string]bool{}
	for _, m := range f.Masters {
		if m.ID == "" || seen[m.ID] || len(m.Key) != keySize {
			return nil, fmt.Errorf("%w: master key %q must have an id of its own and %d bytes", ErrKeyFile, m.ID, keySize)
		}
		seen[m.ID] = true
		ring.masters = append(ring.masters, master{id: m.ID, key: m.Key})
	}
	return ring, nil
}
