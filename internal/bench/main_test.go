package bench_test

import (
	"os"
	"testing"

	"github.com/linli/linli/internal/testdb"
)

func TestMain(m *testing.M) { os.Exit(testdb.Main(m)) }
