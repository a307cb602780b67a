//! `cordon-server`: serve, quickstart, migrate, operator, check, fsck.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use cordon_kernel::Env;
use cordon_server::config::{Config, LogFormat};
use cordon_server::{app, quickstart};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

// A batch is cut into many tenants' small pieces by many threads: of the memory that takes, this
// allocator gives back what the system's keeps (docs/benchmarks.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The incident desk of a cloud provider, as a service.
#[derive(Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sets up everything in one folder, with sample tenants and events, and serves.
    Quickstart {
        /// A configuration file to start from, for another database than SQLite, say.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Folder for database, objects, keys, certificates and profiles [default: cordon-data].
        #[arg(long)]
        data_dir: Option<PathBuf>,
        /// ADDRESS:PORT to listen on; port 0 picks a free one [default: 127.0.0.1:7443].
        #[arg(long)]
        listen: Option<String>,
        /// Stop as soon as everything is ready.
        #[arg(long)]
        exit_when_ready: bool,
    },
    /// Serves by a configuration file.
    Serve(WithConfig),
    /// Brings the database's schema up to this program's.
    Migrate(WithConfig),
    /// Makes the first operator, and a profile for it.
    Operator {
        #[command(flatten)]
        with: WithConfig,
        /// The operator's name in the logs.
        #[arg(long, value_name = "NAME")]
        subject: String,
        /// Where callers reach the server; once for each of several servers.
        #[arg(long = "endpoint", value_name = "https://HOST:PORT", required = true)]
        endpoints: Vec<String>,
        /// Where the profile goes; only you will be able to read it.
        #[arg(long, value_name = "FILE", default_value = "operator.toml")]
        out: PathBuf,
    },
    /// Says what is wrong with the configuration or can't be reached, and which servers serve.
    Check(WithConfig),
    /// Verifies every block, segment and index row again.
    Fsck(WithConfig),
}

#[derive(Args)]
struct WithConfig {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "cordon.toml")]
    config: PathBuf,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("can't start")),
    };
    let code = match runtime.block_on(run(cli.command)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    };
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    code
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let env = Env::system();
    match command {
        Command::Quickstart {
            config,
            data_dir,
            listen,
            exit_when_ready,
        } => {
            let given = config.map(|path| Config::load(&path)).transpose()?;
            let mut config = given.unwrap_or_default();
            config.data_dir = data_dir.unwrap_or(config.data_dir);
            config.listen = listen.unwrap_or(config.listen);
            log(&config);
            let stop = stop_on_signal()?;
            quickstart::run(config, env, stop, exit_when_ready).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Serve(with) => {
            let config = load(&with)?;
            let stop = stop_on_signal()?;
            app::serve(config, env, stop).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Migrate(with) => {
            let config = load(&with)?;
            say(&app::migrate(&config, &env).await?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Operator {
            with,
            subject,
            endpoints,
            out,
        } => {
            let config = load(&with)?;
            let wanted = app::FirstOperator {
                subject,
                endpoints,
                out,
            };
            say(&app::operator(config, env, wanted).await?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Check(with) => {
            let report = app::check(&with.config, &env).await;
            say(&report.to_string());
            Ok(if report.is_good() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
        Command::Fsck(with) => {
            let config = load(&with)?;
            let report = app::fsck(config, env).await?;
            say(&report.to_string());
            Ok(if report.is_good() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
    }
}

fn load(with: &WithConfig) -> anyhow::Result<Config> {
    let config = Config::load(&with.config)?;
    log(&config);
    Ok(config)
}

/// Logs to standard error; `CORDON_LOG` goes before the configuration's filter.
fn log(config: &Config) {
    let filter = EnvFilter::try_from_env("CORDON_LOG")
        .or_else(|_| EnvFilter::try_new(&config.log.filter))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let set = match config.log.format {
        LogFormat::Text => lines
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    // A second call in one process keeps the first one's subscriber.
    drop(set);
}

/// Cancelled by the first Ctrl-C or SIGTERM; a second one ends the process at once.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let token = stop.clone();
    tokio::spawn(async move {
        let mut again = false;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if again {
                std::process::exit(130);
            }
            again = true;
            token.cancel();
        }
    });
    Ok(stop)
}

#[allow(
    clippy::print_stdout,
    reason = "what was asked for goes to standard output"
)]
fn say(text: &str) {
    println!("{}", text.trim_end());
}

#[allow(clippy::print_stderr, reason = "the last word to the operator")]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}
