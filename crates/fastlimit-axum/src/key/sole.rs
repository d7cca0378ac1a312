use super::KeyProblem;

/// Returns the value that all `values` of a name have, unless it is empty.
pub(super) fn sole<T: PartialEq + AsRef<[u8]>>(
    mut values: impl Iterator<Item = T>,
) -> Result<T, KeyProblem> {
    let value = values.next().ok_or(KeyProblem::Absent)?;
    if values.any(|other| other != value) {
        return Err(KeyProblem::Ambiguous);
    }
    if value.as_ref().is_empty() {
        return Err(KeyProblem::Empty);
    }
    Ok(value)
}
