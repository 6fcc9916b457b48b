package firmware

import (
	"strings"
	"testing"

	"assay/lab/firmware/image"
)

// The map accounts for the image: every area holds what is in it, and directories
// weigh what their files do.
func TestMap(t *testing.T) {
	b := sample(t)
	f := scan(t, b, Options{Reduced: true})
	var total int64
	paths := map[string]*Area{}
	var look func(a *Area)
	look = func(a *Area) {
		if a.Path != "" {
			paths[a.Path] = a
		}
		in := int64(0)
		for i, c := range a.In {
			if in += c.Weight; i > 0 && c.Weight > a.In[i-1].Weight {
				t.Errorf("%s is not in the order of weights", a.Name)
			}
			look(c)
		}
		if in > a.Weight {
			t.Errorf("%s %s weighs %d, and what is in it %d", a.Name, a.Path, a.Weight, in)
		}
	}
	all := f.Map()
	for _, a := range all {
		total += a.Weight
		look(a)
	}
	if total != int64(len(b)) {
		t.Errorf("the map weighs %d of %d", total, len(b))
	}
	etc, passwd, more := paths["/etc"], paths["/etc/passwd"], paths["/usr/share/more.tar.gz"]
	if etc == nil || passwd == nil || more == nil || etc.Weight != passwd.Weight || etc.Bytes != passwd.Bytes || paths["/usr"].Weight < more.Weight {
		t.Fatalf("%v", paths)
	}
	if len(more.In) == 0 || !strings.Contains(more.In[0].Name, "tar") || more.State != image.Understood {
		t.Errorf("%+v", more)
	}
}
