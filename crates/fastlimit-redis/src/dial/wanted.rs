/// What a server has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A master that is no part of a cluster.
    Standalone,
    /// A master that a Sentinel named.
    Master,
    /// A node of a cluster. A replica will do, since it can be asked for the slots too.
    ClusterNode,
    /// A Sentinel.
    Sentinel,
}
