/// A command of the handshake. They all leave together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Logs in and chooses RESP3; the reply tells what the server is.
    Hello,
    /// Logs in where RESP2 is spoken.
    Auth,
    /// Asks what the server is where RESP2 is spoken. It need not know the command.
    Greet,
    /// Chooses the database.
    Select,
    /// Asks what the user may do there. The server need not know the command.
    Probe,
}
