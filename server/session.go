package server

import (
	"html/template"
	"math"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"wheelhouse/content"
	"wheelhouse/labs"
	"wheelhouse/labs/mend"
)

// sessionJSON is a whole session: what the page shows, and what the events
// socket sends again after each change.
type sessionJSON struct {
	ID         string          `json:"id"`
	Lab        string          `json:"lab"`
	Phase      labs.Phase      `json:"phase"`
	Reason     string          `json:"reason"`
	Message    string          `json:"message"`
	CreatedAt  time.Time       `json:"createdAt"`
	ReadyAt    *time.Time      `json:"readyAt"`
	FinishedAt *time.Time      `json:"finishedAt"`
	EndedAt    *time.Time      `json:"endedAt"`
	Steps      []stepStateJSON `json:"steps"`
	Progress   *progressJSON   `json:"progress"` // while it waits for its cluster
	Faults     []faultJSON     `json:"faults"`   // what the student broke and can have mended
}

type faultJSON struct {
	Type    mend.Type `json:"type"`
	Message string    `json:"message"`
}

type stepStateJSON struct {
	Name        string          `json:"name"`
	CompletedAt *time.Time      `json:"completedAt"`
	Points      int             `json:"points"`   // that the student has of it
	Hints       []template.HTML `json:"hints"`    // that the student took, sanitised
	HintCost    int             `json:"hintCost"` // points that the next one costs now; 0 where there is none
	Checks      []resultJSON    `json:"checks"`
}

type resultJSON struct {
	Name     string         `json:"name"`
	Status   string         `json:"status"`
	Reason   string         `json:"reason"`
	Message  string         `json:"message"`
	Wanted   string         `json:"wanted,omitempty"`
	Found    string         `json:"found,omitempty"`
	Object   string         `json:"object,omitempty"`
	Hint     string         `json:"hint,omitempty"`
	Tried    []string       `json:"tried,omitempty"` // options of a question that were chosen and wrong, in whichever session
	Pending  bool           `json:"pending"`
	At       *time.Time     `json:"at"`
	Evidence []evidenceJSON `json:"evidence,omitempty"` // of the results routes only
}

type evidenceJSON struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

type progressJSON struct {
	Place            int         `json:"place"`
	RemainingSeconds *float64    `json:"remainingSeconds"` // null: not known
	Phases           []phaseJSON `json:"phases"`
}

type phaseJSON struct {
	Name            string  `json:"name"`
	Title           string  `json:"title"`
	State           string  `json:"state"` // waiting, running, done
	Seconds         float64 `json:"seconds"`
	EstimateSeconds float64 `json:"estimateSeconds"`
}

// postSession opens the lab: 201 with a new session, 200 with the live one.
func (s *Server) postSession(c *gin.Context) error {
	user := userOf(c)
	if wait := s.limits.create.take(user.ID); wait > 0 {
		return limited(wait, "You open sessions too fast. Wait a moment, then try again.")
	}
	view, created, err := s.labs.Open(c.Request.Context(), user, c.Param("lab"))
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
		c.Header("Location", "/api/sessions/"+view.Session.ID)
	}
	c.JSON(status, s.session(view, false))
	return nil
}

func (s *Server) getSession(c *gin.Context) error {
	view, err := s.labs.View(c.Request.Context(), userOf(c), c.Param("session"))
	if err != nil {
		return err
	}
	// A page without a WebSocket reads here again and again, and so counts as present.
	s.labs.Look(view.Session.ID)()
	c.JSON(http.StatusOK, s.session(view, false))
	return nil
}

func (s *Server) deleteSession(c *gin.Context) error {
	if err := s.labs.End(c.Request.Context(), userOf(c), c.Param("session")); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// getResults answers the steps with what the checks looked at.
func (s *Server) getResults(c *gin.Context) error {
	ctx, user, id := c.Request.Context(), userOf(c), c.Param("session")
	view, err := s.labs.View(ctx, user, id)
	if err != nil {
		return err
	}
	if view.Steps, err = s.labs.Results(ctx, user, id); err != nil {
		return err
	}
	c.JSON(http.StatusOK, s.session(view, true))
	return nil
}

// postAnswer judges what the student answered to a check that asks, and answers
// the session once it is stored.
func (s *Server) postAnswer(c *gin.Context) error {
	var in struct{ Step, Check, Answer string }
	if err := decode(c, &in); err != nil {
		return err
	}
	view, err := s.labs.Answer(c.Request.Context(), userOf(c), c.Param("session"), in.Step, in.Check, in.Answer)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, s.session(view, false))
	return nil
}

// postHint takes a hint and answers the session, which has its text now.
func (s *Server) postHint(c *gin.Context) error {
	var in struct {
		Step string
		Hint int
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	view, err := s.labs.TakeHint(c.Request.Context(), userOf(c), c.Param("session"), in.Step, in.Hint)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, s.session(view, false))
	return nil
}

// postRepair mends one of the session's faults and answers the session without it.
func (s *Server) postRepair(c *gin.Context) error {
	var in struct{ Fault mend.Type }
	if err := decode(c, &in); err != nil {
		return err
	}
	view, err := s.labs.Mend(c.Request.Context(), userOf(c), c.Param("session"), in.Fault)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, s.session(view, false))
	return nil
}

// session turns a view into JSON. Every check of the lab is listed, looked at or
// not, in the author's order.
func (s *Server) session(view *labs.View, evidence bool) *sessionJSON {
	of := view.Session
	out := &sessionJSON{
		ID: of.ID, Lab: of.Lab, Phase: of.Phase, Reason: of.Reason, Message: of.Message,
		CreatedAt:  of.CreatedAt.UTC(),
		ReadyAt:    optional(of.ReadyAt),
		FinishedAt: optional(of.FinishedAt),
		EndedAt:    optional(of.EndedAt),
		Steps:      []stepStateJSON{},
		Faults:     []faultJSON{},
	}
	for _, fault := range view.Faults {
		out.Faults = append(out.Faults, faultJSON{fault.Type, fault.Message})
	}
	lab, there := s.course.Lab(of.Lab)
	if there {
		lab = lab.For(of.UserID)
	}
	for _, step := range view.Steps {
		out.Steps = append(out.Steps, stepState(lab, view, step, evidence))
	}
	if view.Progress != nil {
		out.Progress = progress(view)
	}
	return out
}

// stepState shows a step. Of a lab or a step that the course no longer has, an old
// session's results are all there is to show.
func stepState(lab *content.Lab, view *labs.View, state labs.StepState, evidence bool) stepStateJSON {
	step := &content.Step{}
	if lab != nil {
		if of, there := lab.Step(state.Step); there {
			step = of
		}
	}
	out := stepStateJSON{
		Name:        state.Step,
		CompletedAt: optional(state.CompletedAt),
		Points:      labs.Points(step, state.CompletedAt, state.Results, view.Hints, view.Tries),
		Hints:       []template.HTML{},
		Checks:      results(step, state, view.Tries, evidence),
	}
	for _, hint := range view.Hints {
		if hint.Step == step.Name && hint.Position < len(step.Hints) {
			out.Hints = append(out.Hints, step.Hints[hint.Position].HTML)
		}
	}
	if next := len(out.Hints); next < len(step.Hints) {
		out.HintCost = view.HintCosts.Of(step, &step.Hints[next])
	}
	return out
}

// results lists a step's results in the order of its checks.
func results(of *content.Step, step labs.StepState, tries []labs.Try, evidence bool) []resultJSON {
	out := []resultJSON{}
	index := make(map[string]int, len(step.Results))
	for i, result := range step.Results {
		index[result.Check] = i
	}
	for i := range of.Checks {
		check := &of.Checks[i]
		one := resultJSON{Name: check.Name, Status: "Unknown", Reason: "NotEvaluated"}
		if at, looked := index[check.Name]; looked {
			one = resultOf(step, at, evidence)
			delete(index, check.Name)
		}
		one.Tried = labs.WrongOptions(of, check, tries)
		out = append(out, one)
	}
	for i, result := range step.Results {
		if _, left := index[result.Check]; left {
			out = append(out, resultOf(step, i, evidence))
		}
	}
	return out
}

func resultOf(step labs.StepState, i int, evidence bool) resultJSON {
	r := step.Results[i]
	out := resultJSON{
		Name: r.Check, Status: string(r.Status), Reason: r.Reason, Message: r.Message, Pending: r.Pending(), At: optional(r.At),
		Wanted: r.Wanted, Found: r.Found, Object: r.Object, Hint: r.Hint,
	}
	if evidence {
		for _, e := range r.Evidence {
			out.Evidence = append(out.Evidence, evidenceJSON{Name: e.Name, Text: e.String()})
		}
	}
	return out
}

func progress(view *labs.View) *progressJSON {
	now := time.Now()
	out := &progressJSON{Place: view.Progress.Place, Phases: []phaseJSON{}}
	if left, known := view.Progress.Remaining(now); known {
		remaining := seconds(left)
		out.RemainingSeconds = &remaining
	}
	for _, phase := range view.Progress.Phases {
		p := phaseJSON{Name: phase.Name, Title: phase.Title, State: "waiting", EstimateSeconds: seconds(phase.Estimate)}
		switch {
		case !phase.EndedAt.IsZero():
			p.State, p.Seconds = "done", seconds(phase.EndedAt.Sub(phase.StartedAt))
		case !phase.StartedAt.IsZero():
			p.State, p.Seconds = "running", seconds(now.Sub(phase.StartedAt))
		}
		out.Phases = append(out.Phases, p)
	}
	return out
}

// seconds rounds to tenths, and never below zero.
func seconds(d time.Duration) float64 {
	return max(0, math.Round(d.Seconds()*10)/10)
}
