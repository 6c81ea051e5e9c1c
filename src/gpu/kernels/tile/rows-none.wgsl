// Prelude: the projection has no rows but its own.
fn extra_rows(index: u32, first: u32, end: u32) {}

fn extra_row_together(index: u32, token: u32, local: u32) {}
