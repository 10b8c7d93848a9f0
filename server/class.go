package server

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"wheelhouse/content"
	"wheelhouse/labs"
)

type classRefJSON struct {
	ID       string `json:"id"`
	Title    string `json:"title"`
	Code     string `json:"code"`     // what students join by; empty for a student
	Teaching bool   `json:"teaching"` // the caller teaches it
}

// classJSON is an instructor's grid: students by labs by steps.
type classJSON struct {
	ID       string        `json:"id"`
	Title    string        `json:"title"`
	Code     string        `json:"code"`
	HintCost *int          `json:"hintCost"` // points that each hint costs; null is what each lab says
	Labs     []columnJSON  `json:"labs"`
	Students []studentJSON `json:"students"`
}

type columnJSON struct {
	Name   string         `json:"name"`
	Title  string         `json:"title"`
	Points int            `json:"points"`
	Steps  []stepNameJSON `json:"steps"`
}

type stepNameJSON struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

type studentJSON struct {
	ID     string     `json:"id"`
	Name   string     `json:"name"`
	Online bool       `json:"online"`
	Labs   []cellJSON `json:"labs"` // those that the student ever opened, in the course's order
}

type cellJSON struct {
	Lab     string         `json:"lab"`
	Session string         `json:"session"` // the newest
	Phase   labs.Phase     `json:"phase"`
	Reason  string         `json:"reason"` // why it is in its phase, or Resting
	Points  int            `json:"points"` // that the student has of the lab's
	Hints   int            `json:"hints"`  // that the student took
	Steps   []cellStepJSON `json:"steps"`
}

type cellStepJSON struct {
	Name        string     `json:"name"`
	CompletedAt *time.Time `json:"completedAt"`
	Status      string     `json:"status"` // "" before the first result
	Reason      string     `json:"reason"` // of the result that makes the status
}

func (s *Server) getClasses(c *gin.Context) error {
	user := userOf(c)
	classes, err := s.labs.ClassesOf(c.Request.Context(), user)
	if err != nil {
		return err
	}
	out := []classRefJSON{}
	for _, class := range classes {
		out = append(out, classRef(&class, user))
	}
	c.JSON(http.StatusOK, gin.H{"classes": out})
	return nil
}

func (s *Server) postClass(c *gin.Context) error {
	var in struct{ Title string }
	if err := decode(c, &in); err != nil {
		return err
	}
	user := userOf(c)
	if wait := s.limits.create.take(user.ID); wait > 0 {
		return limited(wait, "You make classes too fast. Wait a moment, then try again.")
	}
	class, err := s.labs.CreateClass(c.Request.Context(), user, in.Title)
	if err != nil {
		return err
	}
	c.Header("Location", "/api/classes/"+class.ID)
	c.JSON(http.StatusCreated, classRef(class, user))
	return nil
}

// patchClass changes what hints cost.
func (s *Server) patchClass(c *gin.Context) error {
	var in struct {
		HintCost json.RawMessage
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	cost := labs.AsWritten
	if string(in.HintCost) != "null" {
		if err := json.Unmarshal(in.HintCost, &cost); err != nil || cost < 0 {
			return invalid("hintCost has to be null, for what each lab says, or a whole number of points from 0 to 10.")
		}
	}
	class, err := s.labs.SetHintCost(c.Request.Context(), userOf(c), c.Param("class"), cost)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, classRef(class, userOf(c)))
	return nil
}

func classRef(class *labs.Class, user *labs.User) classRefJSON {
	ref := classRefJSON{ID: class.ID, Title: class.Title, Teaching: class.InstructorID == user.ID}
	if ref.Teaching {
		ref.Code = class.Code
	}
	return ref
}

func (s *Server) getClass(c *gin.Context) error {
	grid, err := s.labs.Grid(c.Request.Context(), userOf(c), c.Param("class"))
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, s.class(grid))
	return nil
}

func (s *Server) getClassSession(c *gin.Context) error {
	view, err := s.labs.ClassResults(c.Request.Context(), userOf(c), c.Param("class"), c.Param("session"))
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, s.session(view, true))
	return nil
}

func (s *Server) class(grid *labs.Grid) *classJSON {
	out := &classJSON{ID: grid.Class.ID, Title: grid.Class.Title, Code: grid.Class.Code, Labs: []columnJSON{}, Students: []studentJSON{}}
	if grid.Class.HintCost != labs.AsWritten {
		out.HintCost = &grid.Class.HintCost
	}
	var taught []*content.Lab // by column
	for _, module := range s.course.Modules {
		for _, lab := range module.Labs {
			column := columnJSON{Name: lab.Name, Title: lab.Title, Steps: []stepNameJSON{}}
			for _, step := range lab.Steps {
				column.Points += step.Points
				column.Steps = append(column.Steps, stepNameJSON{Name: step.Name, Title: step.Title})
			}
			taught = append(taught, lab)
			out.Labs = append(out.Labs, column)
		}
	}
	for _, student := range grid.Students {
		row := studentJSON{ID: student.ID, Name: student.Name, Online: student.Online, Labs: []cellJSON{}}
		for _, lab := range taught {
			if entry := student.Entries[lab.Name]; entry != nil {
				row.Labs = append(row.Labs, cell(lab, entry))
			}
		}
		out.Students = append(out.Students, row)
	}
	return out
}

func cell(lab *content.Lab, entry *labs.Entry) cellJSON {
	out := cellJSON{Lab: lab.Name, Session: entry.Session.ID, Phase: entry.Session.Phase, Reason: entry.Session.Reason, Hints: len(entry.Hints), Steps: []cellStepJSON{}}
	for i := range lab.Steps {
		step := &lab.Steps[i]
		out.Points += entry.Points(step)
		status, reason := entry.Standing(step.Name)
		out.Steps = append(out.Steps, cellStepJSON{
			Name:        step.Name,
			CompletedAt: optional(entry.Completed[step.Name]),
			Status:      string(status),
			Reason:      reason,
		})
	}
	return out
}
