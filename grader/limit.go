package grader

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
)

// What is kept of one cluster. Students have all rights in theirs, its API server
// included, and share this process with others.
const (
	answerSize  = 8 << 20  // bytes of one answer of the API server; events of a watch have client-go's own limit
	mostObjects = 3000     // objects of one query
	clusterSize = 32 << 20 // bytes of memory that the objects of all queries take
)

// excess is a limit that was hit.
type excess struct {
	reason   string // one of a Result's
	sentence string // for the student
}

func (e *excess) Error() string { return e.sentence }

// tooMuch says that a query finds more than is kept.
func tooMuch(q query, most string) *excess {
	return &excess{ReasonTooLarge, fmt.Sprintf("A check can look at %s at most, and there is more in the cluster: %s. It goes on once there is less.", most, q.what())}
}

var (
	wordsOfObjects = fmt.Sprintf("%d objects of a kind", mostObjects)
	wordsOfAnswer  = fmt.Sprintf("%d MiB of objects of a kind", answerSize>>20)
	wordsOfCluster = fmt.Sprintf("%d MiB of objects in all", clusterSize>>20)
)

var errAnswer = errors.New("the answer is too large")

// LimitAnswers bounds what is read of each answer of an API server, but for the
// streams of watches and of upgraded connections.
func LimitAnswers(next http.RoundTripper) http.RoundTripper { return limiter{next} }

type limiter struct{ next http.RoundTripper }

func (l limiter) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := l.next.RoundTrip(request)
	switch {
	case err != nil || answer.StatusCode == http.StatusSwitchingProtocols:
	case answer.StatusCode == http.StatusOK && request.URL.Query().Has("watch"):
	default:
		answer.Body = &limited{answer.Body, answerSize}
	}
	return answer, err
}

// limited is a body that fails where it goes on for too long.
type limited struct {
	io.ReadCloser
	left int
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p[:min(len(p), l.left+1)])
	if l.left -= n; l.left < 0 {
		return 0, errAnswer
	}
	return n, err
}

// memory counts what the stores of one cluster keep. A nil one counts nothing.
type memory struct{ bytes atomic.Int64 }

// add tells whether there is room for it.
func (m *memory) add(bytes int64) bool { return m == nil || m.bytes.Add(bytes) <= clusterSize }

// sizeOf is about how many bytes of memory a decoded object takes.
func sizeOf(value any) int64 {
	switch v := value.(type) {
	case map[string]any:
		size := int64(48 + 272*((len(v)+6)/7)) // a map's header, and its groups of eight slots
		for key, inner := range v {
			size += int64(len(key)) + sizeOf(inner)
		}
		return size
	case []any:
		size := int64(24 + 16*len(v))
		for _, inner := range v {
			size += sizeOf(inner)
		}
		return size
	case string:
		return int64(16 + len(v))
	}
	return 8
}
