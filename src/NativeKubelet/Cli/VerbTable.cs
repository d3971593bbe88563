using System.Collections.Immutable;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Cli.Completion;
using NativeKubelet.Cli.Streams;
using NativeKubelet.Cli.Top;
using NativeKubelet.Cli.Verbs;
using NativeKubelet.Config;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Logging;

namespace NativeKubelet.Cli;

/// <summary>The verbs of the command line, and how they end: 0 done, 1 failed, 2 misused, 130 interrupted.</summary>
/// <param name="All">In the order in which help lists them.</param>
public sealed record VerbTable(ImmutableArray<VerbSpec> All)
{
    public const int Failed = 1, Misused = 2, Interrupted = 130;

    /// <summary>Everything that this program can be asked to do.</summary>
    public static VerbTable OfProgram(CliConsole console)
    {
        VerbTable verbs = ForAgent(console);
        VerbTable? all = null;
        all = new(
        [
            .. In("pods", new RunVerb(console, level => level < 0 ? NullLoggerFactory.Instance : KubeletLogging.Create(LogSettings.Text(level), console.Time)).Spec),
            .. verbs.All,
            .. In(
                "this program",
                new VersionVerb(console).Spec, new CompletionVerb(console).Spec, new HelpVerb(console, () => all!).Spec),
            new CompleteVerb(console, () => all!).Spec,
        ]);
        return all;
    }

    /// <summary>The verbs that talk to a running agent, and the one for when none will run.</summary>
    public static VerbTable ForAgent(CliConsole console) => new(
    [
        .. In(
            "pods",
            new PsVerb(console).Spec,
            new LogsVerb(console).Spec,
            new ExecVerb(console, ConsoleEnds.OfProcess).Spec,
            new AttachVerb(console, ConsoleEnds.OfProcess).Spec,
            new TopVerb(console, ConsoleEnds.OfProcess, TopCapacity.OfMachine).Spec,
            new DescribeVerb(console).Spec,
            new EventsVerb(console).Spec),
        .. In(
            "images",
            new ImagesVerb(console).Spec,
            new PullVerb(console).Spec,
            new ImportVerb(console).Spec,
            new RmiVerb(console).Spec),
        .. In(
            "this machine",
            new DoctorVerb(console).Spec,
            new ConfigVerb(console).Spec,
            new InstallVerb(console).Spec,
            new UninstallVerb(console).Spec),
    ]);

    public VerbSpec? Find(string name) => All.FirstOrDefault(v => v.Name == name);

    /// <summary>Runs a verb; what goes wrong is one line on stderr.</summary>
    /// <param name="args">The words after the verb.</param>
    public static async Task<int> RunAsync(VerbSpec verb, ReadOnlyMemory<string> args, CliConsole console, CancellationToken cancel)
    {
        try
        {
            int options = Array.IndexOf([.. args.Span], "--");
            if (args.Span[..(options < 0 ? args.Length : options)].ContainsAny("--help", "-h"))
            {
                verb.PrintHelp(console.Out);
                console.Out.Flush();
                return 0;
            }
            return await verb.RunAsync(verb.Parse(args.Span), cancel);
        }
        catch (UsageException e)
        {
            console.Error.WriteLine(CliConsole.Clean(e.Message));
            return Misused;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return Interrupted;
        }
        catch (ErrnoException e) when (e.Errno == Errno.EPIPE && e.Target is "stdout")
        {
            // The reader of our output has seen enough (head, a pager that was left).
            return Failed;
        }
        catch (Exception e) when (e is VerbException or IOException or UnauthorizedAccessException)
        {
            console.Error.WriteLine(CliConsole.Clean($"nativekubelet {verb.Name}: {e.Message}"));
            return Failed;
        }
    }

    private static IEnumerable<VerbSpec> In(string group, params VerbSpec[] verbs) => verbs.Select(v => v with { Group = group });
}
