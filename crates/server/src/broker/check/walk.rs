//! Reads a table in order, a page at a time.

use std::collections::VecDeque;
use std::ops::Range;

use sluice_store::{Reader, Row, Space, StoreError};

/// Rows read at once.
const PAGE_ROWS: usize = 4_096;
/// Bodies read at once; each may have a megabyte.
const PAGE_BODIES: usize = 32;

/// A position in a table.
pub(in crate::broker) struct Walk<'a> {
    reader: &'a dyn Reader,
    space: Space,
    rest: Range<Vec<u8>>,
    page: VecDeque<Row>,
    is_over: bool,
}

impl<'a> Walk<'a> {
    pub(in crate::broker) fn new(
        reader: &'a dyn Reader,
        space: Space,
        range: Range<Vec<u8>>,
    ) -> Self {
        Self { reader, space, rest: range, page: VecDeque::new(), is_over: false }
    }

    /// Returns the next row without taking it.
    pub(super) fn peek(&mut self) -> Result<Option<&Row>, StoreError> {
        if self.page.is_empty() && !self.is_over {
            let limit = match self.space {
                Space::Rows => PAGE_ROWS,
                Space::Bodies => PAGE_BODIES,
            };
            let range = self.rest.start.as_slice()..self.rest.end.as_slice();
            // What cannot be read now could not be read a moment later either.
            self.is_over = true;
            self.page = self.reader.scan(self.space, range, limit)?.into();
            if let Some((last, _)) = self.page.back() {
                self.is_over = self.page.len() < limit;
                self.rest.start.clone_from(last);
                self.rest.start.push(0);
            }
        }
        Ok(self.page.front())
    }

    pub(in crate::broker) fn next(&mut self) -> Result<Option<Row>, StoreError> {
        self.peek()?;
        Ok(self.page.pop_front())
    }
}
