package buckettest_test

import (
	"testing"

	"ficha/api/bucket"
	"ficha/api/bucket/buckettest"
)

func TestMemory(t *testing.T) {
	buckettest.Exercise(t, func(testing.TB) bucket.Bucket { return &buckettest.Memory{} })
}
