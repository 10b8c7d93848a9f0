package web_test

import (
	"io/fs"
	"testing"

	"wheelhouse/web"
)

// A clean clone has no build, and one that has been built must be whole: the
// page and the assets that it names.
func TestDistIsWholeOrAbsent(t *testing.T) {
	files, ok := web.Dist()
	if !ok {
		if files != nil {
			t.Fatalf("Dist() = %v, false; want nil files when there is no build", files)
		}
		return
	}
	assets, err := fs.ReadDir(files, "assets")
	if err != nil {
		t.Fatalf("a build without assets: %v; run `npm run build` in web", err)
	}
	if len(assets) == 0 {
		t.Fatal("a build with an empty assets folder; run `npm run build` in web")
	}
}
