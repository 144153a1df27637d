package workflow

import ("testing";"fmt")

func TestZZReal(t *testing.T) {
	_, ps := Load(readFiles(t, "../../workflows/*/*.yaml"))
	for _, p := range ps { fmt.Println(p) }
	fmt.Println(len(ps))
}
func BenchmarkZZReal(b *testing.B) {
	files := readFiles(b, "../../workflows/*/*.yaml")
	for b.Loop() { Load(files) }
}
