package grader

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"wheelhouse/content"
)

// absence says in a sentence that an object is not there, and where something
// like it is. A near miss is only told once the names are known, which are watched
// from then on for as long as the object is missing.
func absence(look lookup, wanted query) string {
	sentence := "There is no " + wanted.what()
	if wanted.namespace != "" {
		// A namespace that is missing explains all that is missing in it.
		if all := look(namespaces); all.phase == known && !contains(all, objectKey{name: wanted.namespace}) {
			return sentence + ": there is no such namespace."
		}
	}
	near := ""
	if wanted.name != "" {
		near = nearMiss(wanted, look(wanted.everywhere()).objects)
	} else if wanted.selector != "" {
		near = unlike(look, wanted)
	}
	if near != "" {
		return sentence + "; " + near + "."
	}
	return sentence + "."
}

// withoutNames is look for a check whose student is to find out what is wrong: it
// knows no near misses.
func (c *check) withoutNames(look lookup) lookup {
	if !c.diagnose {
		return look
	}
	return func(q query) found {
		if q.namesOnly && q != namespaces {
			return found{phase: known}
		}
		return look(q)
	}
}

func contains(all found, key objectKey) bool {
	_, there := slices.BinarySearchFunc(all.objects, key, func(o *object, k objectKey) int { return o.key.compare(k) })
	return there
}

// nearMiss names the object that the student most likely made instead of the
// wanted one, or is empty: the same name in another namespace, a similar name in
// the right namespace, or a similar name elsewhere. What the system made in its
// own namespaces is no slip of the student's.
func nearMiss(wanted query, there []*object) string {
	var elsewhere, similarHere, similarElsewhere []objectKey
	for _, o := range there {
		switch alike := similar(wanted.name, o.key.name); {
		case o.key == objectKey{wanted.namespace, wanted.name}: // it has just come
		case o.key.namespace == wanted.namespace && alike:
			similarHere = append(similarHere, o.key)
		case content.SystemNamespace(o.key.namespace):
		case o.key.namespace != wanted.namespace && o.key.name == wanted.name:
			elsewhere = append(elsewhere, o.key)
		case o.key.namespace != wanted.namespace && alike:
			similarElsewhere = append(similarElsewhere, o.key)
		}
	}
	switch {
	case len(elsewhere) > 0:
		return fmt.Sprintf("one exists in namespace %s", elsewhere[0].namespace)
	case len(similarHere) > 0:
		return fmt.Sprintf("there is one named %s", closest(wanted.name, similarHere).name)
	case len(similarElsewhere) > 0:
		near := closest(wanted.name, similarElsewhere)
		return fmt.Sprintf("one named %s exists in namespace %s", near.name, near.namespace)
	}
	return ""
}

// unlike names the object that a selector most likely should have found: one
// with another value of a label, a similar one if there is, or any other. It is
// empty where there is no object of the kind. What it looks at is watched for as
// long as the selector finds nothing.
func unlike(look lookup, wanted query) string {
	selector, err := labels.ConvertSelectorToLabelsMap(wanted.selector)
	if err != nil {
		return ""
	}
	best, points, words := (*object)(nil), -1, ""
	for _, o := range look(wanted.nearby()).objects {
		if wanted.namespace == "" && content.SystemNamespace(o.key.namespace) {
			continue
		}
		if likeness, has := likenessOf(selector, o.labels); likeness > points {
			best, points, words = o, likeness, has
		}
	}
	switch {
	case best == nil:
		return ""
	case words == "":
		return fmt.Sprintf("%s %s has no labels", best.kind, best.key.name)
	}
	return fmt.Sprintf("%s %s has %s", best.kind, best.key.name, words)
}

// likenessOf says how near labels are to those of a selector, and which of them
// shows the difference.
func likenessOf(wanted, have map[string]string) (points int, words string) {
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		value, there := have[key]
		switch {
		case there && value == wanted[key]:
			points += 4
			continue
		case there && similar(wanted[key], value):
			points += 3
		case there:
			points += 2
		}
		if there && words == "" {
			words = key + "=" + value
		}
	}
	if words == "" {
		words = clip(labelWords(have), valueSize)
	}
	return points, words
}

// closest returns the key whose name is the fewest slips away; the first of
// several.
func closest(name string, keys []objectKey) objectKey {
	return slices.MinFunc(keys, func(a, b objectKey) int { return distance(name, a.name) - distance(name, b.name) })
}

// similar tells whether a person who wanted one name may have typed the other,
// or whether a controller made the other out of it ("web-7d4b9c").
func similar(wanted, name string) bool {
	if wanted == name {
		return true
	}
	if strings.HasPrefix(name, wanted+"-") || strings.HasPrefix(wanted, name+"-") {
		return true
	}
	slips := 2
	switch {
	case len(wanted) < 3:
		return false
	case len(wanted) < 6:
		slips = 1
	}
	return distance(wanted, name) <= slips
}

// distance counts the slips between two names: a letter too many, too few, or
// another, and two neighbours that changed places (optimal string alignment).
func distance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			other := 1
			if a[i-1] == b[j-1] {
				other = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+other)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
