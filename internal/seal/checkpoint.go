package seal

import (
	"bytes"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// ErrCheckpoint says that a line of a checkpoint file was not written under the audit key, or was changed afterwards.
var ErrCheckpoint = errors.New("the checkpoint file was tampered with")

// Head is how far a chain of history had come.
type Head struct {
	Community string `json:"community"`
	Root      string `json:"root"`
	Seq       int64  `json:"seq"`
	MAC       []byte `json:"mac"` // of the last entry
}

// Checkpoint is a head and when it was written down.
type Checkpoint struct {
	At time.Time `json:"at"`
	Head
}

// checkpointLine is a line of the file. The MAC covers the exact bytes of the head.
type checkpointLine struct {
	Head json.RawMessage `json:"head"`
	MAC  []byte          `json:"check"`
}

// AppendCheckpoint writes the heads to the end of the file, creating it if need be, and returns when they are on disk.
// One process at a time may append to a file. What an interrupted append left behind is cut off first.
func (k *Keyring) AppendCheckpoint(path string, heads []Head, now time.Time) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("append to the checkpoint file %s: %w", path, err)
		}
	}()
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	for _, h := range heads {
		head, err := json.Marshal(Checkpoint{At: now.UTC().Truncate(time.Microsecond), Head: h})
		if err != nil {
			return err
		}
		if err := enc.Encode(checkpointLine{Head: head, MAC: k.checkpointMAC(head)}); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	end, err := lastLineEnd(f)
	if err != nil {
		return err
	}
	if err := f.Truncate(end); err != nil {
		return err
	}
	if _, err := f.WriteAt(lines.Bytes(), end); err != nil {
		return err
	}
	return errors.Join(f.Sync(), syncDirectory(filepath.Dir(path)))
}

// lastLineEnd is the offset behind the last line break, found from the end of the file: the file only grows.
func lastLineEnd(f *os.File) (int64, error) {
	const step = 4096
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	buffer := make([]byte, step)
	for end > 0 {
		from := max(0, end-step)
		part := buffer[:end-from]
		if _, err := f.ReadAt(part, from); err != nil {
			return 0, err
		}
		if n := bytes.LastIndexByte(part, '\n'); n >= 0 {
			return from + int64(n) + 1, nil
		}
		end = from
	}
	return 0, nil
}

func (k *Keyring) checkpointMAC(head []byte) []byte { return mac(k.audit, "linli checkpoint 1", head) }

// ReadCheckpoint returns the checkpoints of a file in the order in which they were written. A line that does not verify
// is ErrCheckpoint, with its number. An interrupted append at the very end was never acknowledged and does not count.
func (k *Keyring) ReadCheckpoint(path string) ([]Checkpoint, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint file: %w", err)
	}
	var out []Checkpoint
	lines := bytes.SplitAfter(content, []byte("\n"))
	for n, text := range lines {
		if !bytes.HasSuffix(text, []byte("\n")) {
			break
		}
		c, err := k.readCheckpointLine(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n+1, err)
		}
		out = append(out, c)
	}
	return out, nil
}

func (k *Keyring) readCheckpointLine(text []byte) (Checkpoint, error) {
	var line checkpointLine
	if err := json.Unmarshal(text, &line); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	if !hmac.Equal(line.MAC, k.checkpointMAC(line.Head)) {
		return Checkpoint{}, fmt.Errorf("%w, or written under another audit key", ErrCheckpoint)
	}
	var c Checkpoint
	if err := json.Unmarshal(line.Head, &c); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	return c, nil
}
