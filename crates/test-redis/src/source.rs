//! Where a server can come from, and what the environment says about it.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use crate::Error;
use crate::docker::{self, Image};

/// Where a server comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The running server of `FASTLIMIT_TEST_REDIS_URL`.
    Url,
    /// A container.
    Docker,
    /// The program of `FASTLIMIT_TEST_REDIS_SERVER`, else a `redis-server` or `valkey-server` on
    /// the `PATH`.
    Path,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url => "url",
            Self::Docker => "docker",
            Self::Path => "path",
        })
    }
}

/// The server to take, with what it needs to be reached or started.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Url(String),
    Docker(Image),
    Path(PathBuf),
}

/// What the environment says.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    pub(crate) url: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) image: Option<String>,
    pub(crate) server: Option<OsString>,
    pub(crate) path: Option<OsString>,
}

impl Environment {
    /// Reads the variables of this process; an empty one counts as unset.
    pub(crate) fn of_process() -> Self {
        let text = |name| env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            url: text("FASTLIMIT_TEST_REDIS_URL"),
            source: text("FASTLIMIT_TEST_REDIS_SOURCE"),
            image: text("FASTLIMIT_TEST_REDIS_IMAGE"),
            server: env::var_os("FASTLIMIT_TEST_REDIS_SERVER").filter(|value| !value.is_empty()),
            path: env::var_os("PATH"),
        }
    }

    /// Chooses the server that tests share.
    pub(crate) fn shared(&self) -> Result<Choice, Error> {
        self.choose(&[Source::Url, Source::Docker, Source::Path])
    }

    /// Chooses a server that belongs to one test, never the one of a URL.
    pub(crate) fn exclusive(&self) -> Result<Choice, Error> {
        if self.forced()? == Some(Source::Url) {
            return Err(Error::ExclusiveFromUrl);
        }
        self.choose(&[Source::Docker, Source::Path])
    }

    /// Returns the program of this machine, for what is made of several servers or of files.
    ///
    /// A container would not do: its servers cannot reach each other where clients reach them.
    pub(crate) fn own_program(&self) -> Result<PathBuf, Error> {
        if self.forced()? == Some(Source::Url) {
            return Err(Error::ExclusiveFromUrl);
        }
        self.program().map_err(Error::NoProgram)
    }

    fn choose(&self, order: &[Source]) -> Result<Choice, Error> {
        if let Some(source_forced) = self.forced()? {
            return self
                .offer(source_forced)
                .map_err(|reason| Error::ForcedSource {
                    source_forced,
                    reason,
                });
        }
        let mut reasons = Vec::new();
        for &source in order {
            match self.offer(source) {
                Ok(choice) => return Ok(choice),
                Err(reason) => reasons.push((source, reason)),
            }
        }
        Err(Error::NoServer(reasons))
    }

    fn forced(&self) -> Result<Option<Source>, Error> {
        match self.source.as_deref() {
            None => Ok(None),
            Some("url") => Ok(Some(Source::Url)),
            Some("docker") => Ok(Some(Source::Docker)),
            Some("path") => Ok(Some(Source::Path)),
            Some(other) => Err(Error::UnknownSource(other.to_owned())),
        }
    }

    /// Returns what a source offers, or why it offers nothing.
    fn offer(&self, source: Source) -> Result<Choice, String> {
        match source {
            Source::Url => match &self.url {
                Some(url) => Ok(Choice::Url(url.clone())),
                None => Err("FASTLIMIT_TEST_REDIS_URL is not set".to_owned()),
            },
            Source::Docker => {
                if self.find(&["docker"]).is_none() {
                    return Err("there is no `docker` on the PATH".to_owned());
                }
                let image = Image::parse(self.image.as_deref().unwrap_or(docker::DEFAULT_IMAGE));
                docker::obtain(&image)?;
                Ok(Choice::Docker(image))
            }
            Source::Path => self.program().map(Choice::Path),
        }
    }

    /// Returns the program that is named, never another in its place; else one on the `PATH`.
    fn program(&self) -> Result<PathBuf, String> {
        if let Some(server) = &self.server {
            let program = PathBuf::from(server);
            return if program.is_file() {
                Ok(program)
            } else {
                let name = program.display();
                Err(format!(
                    "FASTLIMIT_TEST_REDIS_SERVER is `{name}`, which is no file"
                ))
            };
        }
        self.find(&["redis-server", "valkey-server"])
            .ok_or_else(|| "there is no `redis-server` or `valkey-server` on the PATH".to_owned())
    }

    /// Finds the first of the programs that a folder of the `PATH` holds.
    fn find(&self, programs: &[&str]) -> Option<PathBuf> {
        let path = self.path.as_deref()?;
        programs.iter().find_map(|program| {
            env::split_paths(path)
                .map(|folder| folder.join(program))
                .find(|file| file.is_file())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn forced(source: &str) -> Environment {
        Environment {
            source: Some(source.to_owned()),
            ..Environment::default()
        }
    }

    #[test]
    fn a_url_comes_first() {
        let environment = Environment {
            url: Some("redis://127.0.0.1:1/".to_owned()),
            ..Environment::default()
        };
        assert_eq!(
            environment.shared().unwrap(),
            Choice::Url("redis://127.0.0.1:1/".to_owned())
        );
    }

    #[test]
    fn a_url_is_never_a_server_for_one_test() {
        let environment = Environment {
            url: Some("redis://127.0.0.1:1/".to_owned()),
            ..Environment::default()
        };
        let Err(Error::NoServer(reasons)) = environment.exclusive() else {
            panic!("the URL was taken");
        };
        let sources: Vec<_> = reasons.iter().map(|(source, _)| *source).collect();
        assert_eq!(sources, [Source::Docker, Source::Path]);
        assert!(matches!(
            forced("url").exclusive(),
            Err(Error::ExclusiveFromUrl)
        ));
    }

    #[test]
    fn a_program_is_taken_even_where_docker_is_forced() {
        let folder = crate::folder::Folder::new().unwrap();
        let mut environment = forced("docker");
        environment.path = Some(folder.path().into());
        let text = environment.own_program().unwrap_err().to_string();
        for part in ["no `redis-server`", "apt-get install", "cargo xtask test"] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
        let program = folder.write("redis-server", "").unwrap();
        assert_eq!(environment.own_program().unwrap(), program);
        assert!(matches!(
            forced("url").own_program(),
            Err(Error::ExclusiveFromUrl)
        ));
    }

    #[test]
    fn nothing_at_all_is_an_error_that_says_what_to_do() {
        let text = Environment::default().shared().unwrap_err().to_string();
        for part in [
            "FASTLIMIT_TEST_REDIS_URL is not set",
            "no `docker` on the PATH",
            "no `redis-server` or `valkey-server`",
            "cargo xtask test",
            "apt-get install redis-server",
            "dnf install",
            "apk add",
            "brew install",
            "start Docker",
            "set FASTLIMIT_TEST_REDIS_URL",
        ] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }

    #[test]
    fn a_forced_source_is_the_only_one_tried() {
        for (name, source) in [
            ("url", Source::Url),
            ("docker", Source::Docker),
            ("path", Source::Path),
        ] {
            let error = forced(name).shared().unwrap_err();
            assert!(
                matches!(&error, Error::ForcedSource { source_forced, .. } if *source_forced == source),
                "{error}"
            );
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn an_unknown_source_is_an_error() {
        let error = forced("podman").shared().unwrap_err();
        assert!(matches!(error, Error::UnknownSource(_)));
        assert!(error.to_string().contains("podman"));
    }

    #[test]
    fn redis_is_taken_before_valkey_wherever_they_are() {
        let folder = crate::folder::Folder::new().unwrap();
        let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
        fs::create_dir_all(&first).unwrap();
        fs::create_dir_all(&second).unwrap();
        fs::write(first.join("valkey-server"), "").unwrap();
        let mut environment = forced("path");
        environment.path = Some(env::join_paths([&first, &second]).unwrap());
        assert_eq!(
            environment.shared().unwrap(),
            Choice::Path(first.join("valkey-server"))
        );
        fs::write(second.join("redis-server"), "").unwrap();
        assert_eq!(
            environment.shared().unwrap(),
            Choice::Path(second.join("redis-server"))
        );
    }

    #[test]
    fn a_server_that_is_named_comes_before_the_path() {
        let folder = crate::folder::Folder::new().unwrap();
        let [on_path, named] = ["redis-server", "named"].map(|name| folder.path().join(name));
        fs::write(&on_path, "").unwrap();
        let mut environment = forced("path");
        environment.path = Some(folder.path().into());
        environment.server = Some(named.clone().into());
        let text = environment.shared().unwrap_err().to_string();
        assert!(text.contains("named`, which is no file"), "{text}");
        fs::write(&named, "").unwrap();
        assert_eq!(environment.shared().unwrap(), Choice::Path(named));
    }
}
