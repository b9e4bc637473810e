package matching

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"go.yaml.in/yaml/v3"
)

//go:embed person.yaml organization.yaml
var defaults embed.FS

// ErrModel is wrapped by every error of ParseModel.
var ErrModel = errors.New("invalid model")

// Models are the models in force, one per kind of record.
type Models struct{ Person, Organization *Model }

// Version is a hash over both contents.
func (m Models) Version() string {
	return versionOf([]byte(m.Person.Version() + m.Organization.Version()))
}

// DefaultModels gives the models that ship with the binary.
func DefaultModels() (Models, error) {
	var m Models
	for _, d := range []struct {
		file string
		into **Model
	}{{"person.yaml", &m.Person}, {"organization.yaml", &m.Organization}} {
		raw, err := defaults.ReadFile(d.file)
		if err != nil {
			return Models{}, fmt.Errorf("read model %s: %w", d.file, err)
		}
		if *d.into, err = ParseModel(raw); err != nil {
			return Models{}, fmt.Errorf("parse model %s: %w", d.file, err)
		}
	}
	return m, nil
}

// Model says how records of one kind are compared. Weights are in bits, as
// written; probabilities are in (0, 1]. A Model is immutable after ParseModel.
type Model struct {
	Kind        Kind               `yaml:"kind"`
	Prior       float64            `yaml:"prior"`       // log2 odds that two records taken at random are one
	Kin         KinModel           `yaml:"kin"`         // the second way of not being the same
	Thresholds  Thresholds         `yaml:"thresholds"`  // bands of the total, in bits
	PairCap     float64            `yaml:"pair_cap"`    // what one pair may say, either way, in a mean over two groups
	MaxBlock    int                `yaml:"max_block"`   // a key held by more records is hot
	MaxCluster  int                `yaml:"max_cluster"` // most records of a group that a machine may make
	Rarity      RarityModel        `yaml:"rarity"`      // of words and numbers that no table lists
	Sharing     []SharingStep      `yaml:"sharing"`     // discount of identifiers that several people hold
	Comparisons map[string][]Level `yaml:"comparisons"` // levels in order, best first
	Blocking    []KeyRule          `yaml:"blocking"`    // keys that make candidates
	Exclusive   []string           `yaml:"exclusive"`   // attributes in which one cannot differ from oneself

	version string
	c       compiled
}

// KinModel: Prior is the log2 odds of "the same" against "of one household" (for
// organisations: branches of one firm) for a pair of which nothing else is known.
type KinModel struct {
	Prior float64 `yaml:"prior"`
}

// Thresholds are totals in bits.
type Thresholds struct {
	Match     float64 `yaml:"match"`      // from here on a pair is called a match
	Review    float64 `yaml:"review"`     // from here on a potential match
	LinkFloor float64 `yaml:"link_floor"` // edges below it do not make components
	Strong    float64 `yaml:"strong"`     // edges from here on join without a mean
	Cut       float64 `yaml:"cut"`        // two cores join while the mean over their pairs is at least this
}

// RarityModel gives −log2 of the share of people who have a value that is in no
// frozen table, in bits, and the most that one name can weigh.
type RarityModel struct {
	Given, Family, Word, Locality, City float64
	NameCap                             float64 `yaml:"name_cap"`
}

// SharingStep: from this many distinct people on, an identifier loses Discount bits.
type SharingStep struct {
	People   int     `yaml:"people"`
	Discount float64 `yaml:"discount"`
}

// Level is one outcome of a comparison. M is its probability among records of one
// person, U among strangers, Kin among members of a household. Where Spread is
// given instead of U, u is the share of the value times Spread: how many
// times as often as the value itself something that agrees on this level turns up
// by chance.
type Level struct {
	Level  string  `yaml:"level"`
	M      float64 `yaml:"m"`
	U      float64 `yaml:"u"`
	Spread float64 `yaml:"spread"`
	Kin    float64 `yaml:"kin"`
}

// KeyRule declares one family of blocking keys. A key that more than Max records
// hold (default: the model's max_block) is hot, and its block splits by Split.
type KeyRule struct {
	Key   string `yaml:"key"`
	Split string `yaml:"split"`
	Max   int    `yaml:"max"`
}

// ParseModel reads and checks a model. Unknown fields, comparisons, levels, keys
// and impossible probabilities are errors that say where; they wrap ErrModel.
func ParseModel(raw []byte) (*Model, error) {
	var m Model
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: more than one document", ErrModel)
	}
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	m.version = versionOf(raw)
	m.c = compile(&m)
	return &m, nil
}

func versionOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

// Version is a hash of the model's content, 16 hexadecimal digits.
func (m *Model) Version() string { return m.version }

// Match is the total from which on a pair is called a match, in millibits.
func (m *Model) Match() int64 { return millibits(m.Thresholds.Match) }

// Review is the total from which on a pair is a potential match, in millibits.
func (m *Model) Review() int64 { return millibits(m.Thresholds.Review) }

// LinkFloor is the total below which an edge makes no component, in millibits.
func (m *Model) LinkFloor() int64 { return millibits(m.Thresholds.LinkFloor) }

// Cut is the mean total down to which groups join, in millibits.
func (m *Model) Cut() int64 { return millibits(m.Thresholds.Cut) }

func millibits(bits float64) int64 { return int64(math.Round(bits * 1000)) }

func (m *Model) validate() error {
	known, ok := vocabularies[m.Kind]
	if !ok {
		return fmt.Errorf("kind: %q is neither person nor organization", m.Kind)
	}
	t := m.Thresholds
	switch {
	case t.Review > t.LinkFloor || t.LinkFloor > t.Match || t.Match > t.Strong:
		return errors.New("thresholds: want review ≤ link_floor ≤ match ≤ strong")
	case m.MaxBlock < 2 || m.MaxBlock > 10_000:
		return fmt.Errorf("max_block: %d is not in 2…10000", m.MaxBlock)
	case m.MaxCluster < 2 || m.MaxCluster > 5_000:
		return fmt.Errorf("max_cluster: %d is not in 2…5000", m.MaxCluster)
	case m.PairCap <= 0:
		return errors.New("pair_cap: want more than 0")
	}
	for _, b := range []float64{m.Prior, m.Kin.Prior, t.Match, t.Review, t.LinkFloor, t.Strong, t.Cut, m.PairCap, m.Rarity.NameCap} {
		if math.IsNaN(b) || math.Abs(b) > 1000 {
			return fmt.Errorf("bits: %v is not in −1000…1000", b)
		}
	}
	for name := range m.Comparisons {
		if _, ok := known[name]; !ok {
			return fmt.Errorf("comparisons: %q is not known", name)
		}
	}
	for name, levels := range known {
		if err := checkLevels(m.Comparisons[name], levels); err != nil {
			return fmt.Errorf("comparisons: %s: %w", name, err)
		}
	}
	return errors.Join(m.checkSharing(), m.checkBlocking(), m.checkExclusive())
}

// checkLevels wants every level of the vocabulary, in its order, with weights that
// never rise from one to the next.
func checkLevels(got []Level, want []string) error {
	if len(got) != len(want) {
		return fmt.Errorf("has %d levels, want %v", len(got), want)
	}
	last := math.Inf(1)
	for i, l := range got {
		if l.Level != want[i] {
			return fmt.Errorf("level %d is %q, want %q", i+1, l.Level, want[i])
		}
		if !probability(l.M) || !probability(l.Kin) || (l.Spread == 0 && !probability(l.U)) {
			return fmt.Errorf("level %s: m, kin and u (or spread) must be in (0, 1]", l.Level)
		}
		if l.Spread != 0 && (l.Spread < 0.01 || l.Spread > 1000 || l.U != 0) {
			return fmt.Errorf("level %s: spread must be in 0.01…1000 and stand alone", l.Level)
		}
		w := l.typical()
		if w > last+1e-9 {
			return fmt.Errorf("level %s weighs more than the level before it", l.Level)
		}
		last = w
	}
	return nil
}

func probability(p float64) bool { return p > 0 && p <= 1 }

// typicalRarity stands for a value's share where levels are put in order.
const typicalRarity = 8

func (l Level) typical() float64 {
	if l.Spread > 0 {
		return math.Log2(l.M/l.Spread) + typicalRarity
	}
	return math.Log2(l.M / l.U)
}

func (m *Model) checkSharing() error {
	for i, s := range m.Sharing {
		if s.People < 2 || s.Discount < 0 || s.Discount > 100 || (i > 0 && (s.People <= m.Sharing[i-1].People || s.Discount < m.Sharing[i-1].Discount)) {
			return fmt.Errorf("sharing: step %d: people and discount must rise, from 2 people and 0 bits on", i+1)
		}
	}
	return nil
}

func (m *Model) checkBlocking() error {
	if len(m.Blocking) == 0 || len(m.Blocking) > 255 {
		return errors.New("blocking: want 1…255 keys")
	}
	for i, r := range m.Blocking {
		if _, ok := keyMakers[m.Kind][r.Key]; !ok {
			return fmt.Errorf("blocking: key %q is not known for %s", r.Key, m.Kind)
		}
		if _, ok := splitters[r.Split]; !ok {
			return fmt.Errorf("blocking: key %s: split %q is not known", r.Key, r.Split)
		}
		if r.Max < 0 || r.Max > 10_000 {
			return fmt.Errorf("blocking: key %s: max %d is not in 0…10000", r.Key, r.Max)
		}
		if slices.ContainsFunc(m.Blocking[:i], func(o KeyRule) bool { return o.Key == r.Key }) {
			return fmt.Errorf("blocking: key %s is declared twice", r.Key)
		}
	}
	return nil
}

func (m *Model) checkExclusive() error {
	for _, x := range m.Exclusive {
		if !slices.Contains(exclusiveNames, x) {
			return fmt.Errorf("exclusive: %q is not one of %v", x, exclusiveNames)
		}
	}
	return nil
}
