package sheet

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/xuri/excelize/v2"
)

// sheetName is that of the one sheet of a workbook.
const sheetName = "reviews"

// Bounds of what a workbook unzips to: a small file can hold a large one.
const (
	maxUnzipped = 256 << 20
	maxSheetXML = 16 << 20 // what is larger goes to a temporary file while it is read
)

// WriteXLSX writes rows as a workbook of one sheet, its header fixed at the top.
func WriteXLSX(w io.Writer, rows []Row) (err error) {
	f := excelize.NewFile()
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.SetSheetName(f.GetSheetName(0), sheetName); err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	out, err := f.NewStreamWriter(sheetName)
	if err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	n := widest(rows)
	if err := out.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	if err := setRow(out, 1, header(n)); err != nil {
		return err
	}
	for i := range rows {
		if err := setRow(out, i+2, rows[i].cells(n)); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	if _, err := f.WriteTo(w); err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	return nil
}

// setRow writes cells as texts: ids and versions must not become rounded numbers.
func setRow(out *excelize.StreamWriter, line int, cells []string) error {
	at, err := excelize.CoordinatesToCellName(1, line)
	if err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	values := make([]any, len(cells))
	for i, c := range cells {
		values[i] = c
	}
	if err := out.SetRow(at, values); err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	return nil
}

func readXLSX(file []byte) (_ []Row, err error) {
	f, err := excelize.OpenReader(bytes.NewReader(file), excelize.Options{
		UnzipSizeLimit: maxUnzipped, UnzipXMLSizeLimit: maxSheetXML, RawCellValue: true,
	})
	if err != nil {
		return nil, fmt.Errorf("the workbook cannot be opened: %w", ErrFormat)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	in, err := f.Rows(f.GetSheetName(0))
	if err != nil {
		return nil, fmt.Errorf("the workbook has no sheet: %w", ErrFormat)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	var lines [][]string
	var numbers []int
	for n := 1; in.Next(); n++ {
		line, err := in.Columns()
		if err != nil {
			return nil, fmt.Errorf("line %d of the sheet cannot be read: %w", n, ErrFormat)
		}
		if n > 2*MaxRows {
			return nil, ErrTooMany
		}
		lines, numbers = append(lines, line), append(numbers, n)
	}
	if err := in.Error(); err != nil {
		return nil, fmt.Errorf("the sheet cannot be read: %w", ErrFormat)
	}
	return rowsOf(lines, numbers)
}
