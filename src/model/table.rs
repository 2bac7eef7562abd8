//! Aligned columns for people.

/// Rows of cells; the first row is the head.
#[derive(Default)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The first `left` columns stand left, figures right.
    pub(super) fn print(&self, left: usize) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |cell: &str| cell.chars().count();
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| width(cell)).max().unwrap_or(0)
            })
            .collect();
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, full)) in row.iter().zip(&widths).enumerate() {
                let gap = " ".repeat(full.saturating_sub(width(cell)));
                if column > 0 {
                    line.push_str("  ");
                }
                if column < left {
                    line.push_str(cell);
                    line.push_str(&gap);
                } else {
                    line.push_str(&gap);
                    line.push_str(cell);
                }
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::default();
        table.row(["", "one", "zwölf"]);
        table.row(["acc", "0.9", "–"]);
        assert_eq!(table.print(1), "     one  zwölf\nacc  0.9      –\n");
    }
}
