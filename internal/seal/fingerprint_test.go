package seal_test

import "testing"

func TestAFingerprintNeedsTheKey(t *testing.T) {
	ring, path := newRing(t)
	stranger, _ := newRing(t)
	request := []byte(`{"mobile":"13800000000"}`)
	h := ring.Fingerprint("zhangxi", request)
	if h != loadRing(t, path).Fingerprint("zhangxi", request) {
		t.Error("the same request has another fingerprint")
	}
	for name, other := range map[string]string{
		"another request":   ring.Fingerprint("zhangxi", []byte(`{"mobile":"13800000001"}`)),
		"another community": ring.Fingerprint("x", request),
		"another key":       stranger.Fingerprint("zhangxi", request),
		"another purpose":   ring.LookupHash("zhangxi", string(request)),
	} {
		if other == h {
			t.Errorf("%s has the same fingerprint", name)
		}
	}
}

func TestATimerMarkNeedsTheAuditKey(t *testing.T) {
	ring, path := newRing(t)
	stranger, _ := newRing(t)
	end := []byte(`["c1","f1","lapse",1,"skipped"]`)
	m := ring.TimerMark(end)
	if m != loadRing(t, path).TimerMark(end) {
		t.Error("the same end has another mark")
	}
	if m == ring.TimerMark([]byte(`["c1","f1","lapse",2,"skipped"]`)) || m == stranger.TimerMark(end) {
		t.Error("another end, or another key, gives the same mark")
	}
}
