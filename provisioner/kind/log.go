package kind

import (
	"fmt"
	"log/slog"
	"strings"

	"sigs.k8s.io/kind/pkg/log"
)

// statusLog is what kind logs to. kind has no other way to tell how far it is
// than its status lines, so they are read here.
type statusLog struct {
	log    *slog.Logger
	status func(line string) // called with each status line; may be nil
	warned func(text string) // called with each warning; may be nil
}

var (
	_ log.Logger     = (*statusLog)(nil)
	_ log.InfoLogger = statusLevel{}
)

// Warn, Warnf, Error and Errorf go to the debug log: what matters of them comes
// back as kind's error as well.
func (l *statusLog) Warn(message string) {
	l.log.Debug("kind warns", "text", message)
	if l.warned != nil {
		l.warned(message)
	}
}

func (l *statusLog) Warnf(format string, args ...any) { l.Warn(fmt.Sprintf(format, args...)) }

func (l *statusLog) Error(message string) { l.log.Debug("kind reports an error", "text", message) }

func (l *statusLog) Errorf(format string, args ...any) { l.Error(fmt.Sprintf(format, args...)) }

func (l *statusLog) V(level log.Level) log.InfoLogger { return statusLevel{l, level} }

// statusLevel hears level 0, where kind's status lines are.
type statusLevel struct {
	*statusLog
	level log.Level
}

func (l statusLevel) Enabled() bool { return l.level == 0 }

func (l statusLevel) Info(message string) {
	if !l.Enabled() {
		return
	}
	message = strings.TrimSpace(message)
	l.log.Debug("kind", "text", message)
	if l.status != nil {
		l.status(message)
	}
}

func (l statusLevel) Infof(format string, args ...any) {
	if l.Enabled() {
		l.Info(fmt.Sprintf(format, args...))
	}
}
