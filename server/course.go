package server

import (
	"html/template"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"wheelhouse/content"
	"wheelhouse/labs"
)

type courseJSON struct {
	Name    string       `json:"name"`
	Title   string       `json:"title"`
	Summary string       `json:"summary"`
	Modules []moduleJSON `json:"modules"`
}

type moduleJSON struct {
	Name    string     `json:"name"`
	Title   string     `json:"title"`
	Summary string     `json:"summary"`
	Labs    []cardJSON `json:"labs"`
}

// cardJSON is a lab on the course page, with how the caller stands at it.
type cardJSON struct {
	Name           string          `json:"name"`
	Title          string          `json:"title"`
	Summary        string          `json:"summary"`
	Minutes        int             `json:"minutes"`
	Steps          int             `json:"steps"`
	Points         int             `json:"points"`       // that it has
	EarnedPoints   int             `json:"earnedPoints"` // that the caller has of them
	CompletedSteps int             `json:"completedSteps"`
	FinishedAt     *time.Time      `json:"finishedAt"`
	Session        *sessionRefJSON `json:"session"` // the newest one while it is live, or when it has failed
}

type sessionRefJSON struct {
	ID    string     `json:"id"`
	Phase labs.Phase `json:"phase"`
}

func (s *Server) getCourse(c *gin.Context) error {
	ctx, user := c.Request.Context(), userOf(c)
	entries, err := s.labs.Progress(ctx, user)
	if err != nil {
		return err
	}
	course := courseJSON{Name: s.course.Name, Title: s.course.Title, Summary: s.course.Summary, Modules: []moduleJSON{}}
	for _, module := range s.course.Modules {
		m := moduleJSON{Name: module.Name, Title: module.Title, Summary: module.Summary, Labs: []cardJSON{}}
		for _, lab := range module.Labs {
			m.Labs = append(m.Labs, card(lab, entries[lab.Name]))
		}
		course.Modules = append(course.Modules, m)
	}
	c.JSON(http.StatusOK, course)
	return nil
}

// card sums up a lab; entry is nil where the caller never opened it.
func card(lab *content.Lab, entry *labs.Entry) cardJSON {
	out := cardJSON{Name: lab.Name, Title: lab.Title, Summary: lab.Summary, Minutes: lab.Minutes, Steps: len(lab.Steps)}
	names := make([]string, len(lab.Steps))
	for i, step := range lab.Steps {
		names[i] = step.Name
		out.Points += step.Points
		out.EarnedPoints += entry.Points(&step)
		if entry == nil {
			continue
		}
		if _, done := entry.Completed[step.Name]; done {
			out.CompletedSteps++
		}
	}
	if entry != nil {
		out.FinishedAt = optional(entry.FinishedAt(names))
		if entry.Session.Live() || entry.Session.Phase == labs.Failed {
			out.Session = &sessionRefJSON{ID: entry.Session.ID, Phase: entry.Session.Phase}
		}
	}
	return out
}

type labJSON struct {
	Name    string        `json:"name"`
	Title   string        `json:"title"`
	Summary string        `json:"summary"`
	Minutes int           `json:"minutes"`
	Module  string        `json:"module"`
	Intro   template.HTML `json:"intro"` // sanitised when the course was loaded
	Steps   []stepJSON    `json:"steps"`
	Next    *string       `json:"next"` // the lab that follows in the course
}

type stepJSON struct {
	Name         string        `json:"name"`
	Title        string        `json:"title"`
	Points       int           `json:"points"`
	Instructions template.HTML `json:"instructions"`
	Hints        []hintJSON    `json:"hints"` // their texts come with the session, once they are taken
	Checks       []checkJSON   `json:"checks"`
}

type hintJSON struct {
	Cost int `json:"cost"` // points that taking it costs the caller
}

type checkJSON struct {
	Name     string        `json:"name"`
	Title    string        `json:"title"`
	Points   int           `json:"points,omitempty"`   // that it counts by itself, of its step's
	Question *questionJSON `json:"question,omitempty"` // where the student is asked
}

// questionJSON is what the student is asked by the check's title; the right
// answers stay here.
type questionJSON struct {
	Options []string `json:"options"` // to choose from; typed where there are none
}

// getLab answers what a student reads. Solutions, wrong answers and the checks'
// expressions stay here.
func (s *Server) getLab(c *gin.Context) error {
	lab, ok := s.course.Lab(c.Param("lab"))
	if !ok {
		return notFound("There is no such lab in this course. The course page lists them all.")
	}
	lab = lab.For(userOf(c).ID)
	costs, err := s.labs.HintCosts(c.Request.Context(), userOf(c))
	if err != nil {
		return err
	}
	out := labJSON{Name: lab.Name, Title: lab.Title, Summary: lab.Summary, Minutes: lab.Minutes,
		Module: lab.Module, Intro: lab.Intro, Steps: []stepJSON{}, Next: s.next(lab.Name)}
	for _, step := range lab.Steps {
		item := stepJSON{Name: step.Name, Title: step.Title, Points: step.Points, Instructions: step.Instructions,
			Hints: []hintJSON{}, Checks: []checkJSON{}}
		for i := range step.Hints {
			item.Hints = append(item.Hints, hintJSON{Cost: costs.Of(&step, &step.Hints[i])})
		}
		for _, check := range step.Checks {
			one := checkJSON{Name: check.Name, Title: check.Title, Points: check.Points}
			if check.Answer != nil {
				one.Question = &questionJSON{Options: append([]string{}, check.Answer.Options...)}
			}
			item.Checks = append(item.Checks, one)
		}
		out.Steps = append(out.Steps, item)
	}
	c.JSON(http.StatusOK, out)
	return nil
}

// next is the name of the lab after name in the course, nil after the last.
func (s *Server) next(name string) *string {
	found := false
	for _, module := range s.course.Modules {
		for _, lab := range module.Labs {
			if found {
				return &lab.Name
			}
			found = lab.Name == name
		}
	}
	return nil
}

// optional is null in JSON for the zero time.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
