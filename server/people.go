package server

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// postPassword changes the caller's password, and ends their other log-ins.
func (s *Server) postPassword(c *gin.Context) error {
	var in struct{ Current, Password string }
	if err := decode(c, &in); err != nil {
		return err
	}
	user := userOf(c)
	right, err := s.attemptPassword(user)
	if err != nil {
		return err
	}
	if err := s.labs.ChangePassword(c.Request.Context(), user, tokenOf(c), in.Current, in.Password); err != nil {
		return err
	}
	right()
	c.Status(http.StatusNoContent)
	return nil
}

// postInstructor makes a one-time link for another instructor.
func (s *Server) postInstructor(c *gin.Context) error {
	user := userOf(c)
	if wait := s.limits.create.take(user.ID); wait > 0 {
		return limited(wait, "You make links too fast. Wait a moment, then try again.")
	}
	secret, err := s.labs.InviteInstructor(c.Request.Context(), user)
	if err != nil {
		return err
	}
	c.JSON(http.StatusCreated, gin.H{"link": s.origins.public + "/#bootstrap=" + secret})
	return nil
}

func (s *Server) postCode(c *gin.Context) error {
	class, err := s.labs.RenewCode(c.Request.Context(), userOf(c), c.Param("class"))
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, classRef(class, userOf(c)))
	return nil
}

func (s *Server) deleteCode(c *gin.Context) error {
	class, err := s.labs.CloseClass(c.Request.Context(), userOf(c), c.Param("class"))
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, classRef(class, userOf(c)))
	return nil
}

// patchStudent renames a student, or moves them to another class of the caller's.
func (s *Server) patchStudent(c *gin.Context) error {
	var in struct{ Name, Class *string }
	if err := decode(c, &in); err != nil {
		return err
	}
	ctx, user, class, student := c.Request.Context(), userOf(c), c.Param("class"), c.Param("student")
	switch {
	case in.Name == nil && in.Class == nil, in.Name != nil && in.Class != nil:
		return invalid("Give either name, a new one, or class, the id of the class to move to.")
	case in.Name != nil:
		if _, err := s.labs.RenameStudent(ctx, user, class, student, *in.Name); err != nil {
			return err
		}
	default:
		if err := s.labs.MoveStudent(ctx, user, class, student, *in.Class); err != nil {
			return err
		}
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) deleteStudent(c *gin.Context) error {
	if err := s.labs.RemoveStudent(c.Request.Context(), userOf(c), c.Param("class"), c.Param("student")); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// postStudentPassword answers with the password, which is shown once.
func (s *Server) postStudentPassword(c *gin.Context) error {
	password, err := s.labs.ResetPassword(c.Request.Context(), userOf(c), c.Param("class"), c.Param("student"))
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, gin.H{"password": password})
	return nil
}

func (s *Server) deleteAccount(c *gin.Context) error {
	if err := s.labs.DeleteStudent(c.Request.Context(), userOf(c), c.Param("class"), c.Param("student")); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
