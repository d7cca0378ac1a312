//! What `INFO` and `CLUSTER INFO` say.

use crate::{Client, Error};

/// The fields of a server's information.
pub(crate) struct Info(String);

impl Info {
    /// Asks a server for one section.
    pub(crate) fn of(client: &mut Client, section: &str) -> Result<Self, Error> {
        Self::by(client, &["INFO", section])
    }

    /// Asks a node for what it knows of its cluster.
    pub(crate) fn of_cluster(client: &mut Client) -> Result<Self, Error> {
        Self::by(client, &["CLUSTER", "INFO"])
    }

    fn by(client: &mut Client, command: &[&str]) -> Result<Self, Error> {
        let reply = client.command(command)?;
        Ok(Self(reply.text().unwrap_or_default().to_owned()))
    }

    /// Returns the value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.0
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    }

    /// Fails unless a field has a value.
    pub(crate) fn require(&self, name: &str, value: &str) -> Result<(), Error> {
        let found = self.field(name).unwrap_or("absent");
        if found == value {
            Ok(())
        } else {
            Err(Error::Missing(format!(
                "`{name}` of {value}: it is {found}"
            )))
        }
    }

    /// Returns how often a command was called, by the section `commandstats`.
    pub(crate) fn calls(&self, command: &str) -> u64 {
        self.field(&format!("cmdstat_{}", command.to_ascii_lowercase()))
            .and_then(|stats| {
                stats
                    .split(',')
                    .find_map(|stat| stat.strip_prefix("calls="))
            })
            .and_then(|calls| calls.parse().ok())
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let info = Info("# Head\r\na:1\r\nab:2\r\n".to_owned());
        assert_eq!(info.field("a"), Some("1"));
        assert_eq!(info.field("b"), None);
        assert!(info.require("ab", "2").is_ok());
        let error = info.require("ab", "3").unwrap_err();
        assert!(error.to_string().contains("it is 2"), "{error}");
    }

    #[test]
    fn calls_are_counted_by_command() {
        let info = Info("cmdstat_get:calls=12,usec=3\r\ncmdstat_config|get:calls=4\r\n".into());
        assert_eq!(info.calls("GET"), 12);
        assert_eq!(info.calls("config|get"), 4);
        assert_eq!(info.calls("set"), 0);
    }
}
