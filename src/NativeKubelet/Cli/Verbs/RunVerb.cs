using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using NativeKubelet.Api.Kubelet;
using NativeKubelet.Composition;
using NativeKubelet.Config;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Pods;
using NativeKubelet.Events;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime;
using NativeKubelet.Server.Local;
using NativeKubelet.Status;

namespace NativeKubelet.Cli.Verbs;

/// <summary><c>run</c>: pods from manifests in the foreground, on a node of their own that is gone afterwards.</summary>
/// <param name="logs">Where the node's own log goes, by the verbosity that was asked for.</param>
internal sealed class RunVerb(CliConsole console, Func<int, ILoggerFactory> logs)
{
    private static readonly TimeSpan Refresh = TimeSpan.FromSeconds(2), LastPatience = TimeSpan.FromSeconds(60);

    public VerbSpec Spec => new(
        "run", "FILE|DIR…", "runs pods in the foreground; Ctrl-C ends them and leaves nothing behind",
        [
            new("until", '\0', "GOAL", "ready: end with 0 once all pods are ready; done: end with the containers' exit code") { Choices = ["ready", "done"] },
            new("timeout", '\0', "DURATION", "with --until: fail when it is not reached by then (5m, 90s)"),
            new("preload", '\0', "ARCHIVE", "an image archive that is imported first") { Kind = WordKind.File },
            new("data-dir", '\0', "DIR", "keep images there for the next run") { Kind = WordKind.Directory },
            new("verbosity", 'v', "LEVEL", "the node's log on stderr (0 and up)"),
        ],
        RunAsync)
    {
        Words = [WordKind.File],
    };

    private async Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        if (!Environment.IsPrivilegedProcess) throw new VerbException("pods need root; start it with sudo");
        RunGoal goal = call.Get("until", "") switch
        {
            "ready" => RunGoal.Ready,
            "done" => RunGoal.Done,
            _ => RunGoal.Interrupt,
        };
        TimeSpan timeout = Timeout.InfiniteTimeSpan;
        if (call.TryGet("timeout") is { } text && (!GoDurationText.TryParse(text, out timeout) || timeout <= TimeSpan.Zero))
            throw new UsageException(call.Verb, $"--timeout \"{text}\" is no duration such as 90s or 5m");
        _ = call.Operand(0, "a manifest");

        using ILoggerFactory log = logs(call.Number("verbosity") ?? -1);
        string? images = call.TryGet("data-dir");
        using FileLock? own = images is null ? null : Own(images);
        foreach ((string tag, string? problem) in await Playground.SweepAsync(console.Time, cancel))
            console.Error.WriteLine(CliConsole.Clean(problem is null ? $"removed what a killed run left behind (nativekubelet-run-{tag})" : $"a killed run left things behind (nativekubelet-run-{tag}) that cannot be removed: {problem}"));
        Playground playground = Enter(images);
        try
        {
            GivenManifests given = Read(call, playground.Plan.Identity.Name, goal);
            return await PlayAsync(playground, given, call.TryGet("preload"), goal, timeout, log, cancel);
        }
        catch (Exception e) when (e is ConfigException or ErrnoException or ImageException or RuntimeException)
        {
            throw new VerbException(e.Message);
        }
        finally
        {
            await RemoveAsync(playground);
        }
    }

    private async Task<int> PlayAsync(
        Playground playground, GivenManifests given, string? preload, RunGoal goal, TimeSpan timeout, ILoggerFactory logs, CancellationToken cancel)
    {
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using CancellationTokenSource seen = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancel), kill = new();
        using Interrupts interrupts = new(stop, kill);
        RunView view = new(console);
        NodeAgent agent = await NodeAgent.OpenAsync(playground.Plan, [given], cluster: null, console.Time, logs, stop.Token);
        try
        {
            if (preload is not null) await agent.Images.ImportAsync(preload, stop.Token);
            Task running = agent.RunAsync(ending.Token);
            Task showing = ShowAsync(agent, view, seen.Token), telling = TellAsync(agent, view, seen.Token);
            Task<int> reached = WaitAsync(agent, goal, given.Pods.Pods.Length, timeout, stop.Token);
            await Task.WhenAny(reached, running);
            if (running.IsCompleted) await running;      // a fault of ours: its words are the verb's
            int code = await reached;
            // How pods look while they are ended is nobody's question any more.
            await seen.CancelAsync();
            await Ended(showing, telling);
            view.Show(PodDocuments.List(agent.Board.Now, agent.Runtime.Sandboxes), agent.Usage.SampleNow());
            if (interrupts.Came) view.Note("stopping; once more to kill at once");
            await EndAsync(agent, kill.Token);
            await ending.CancelAsync();
            await Ended(running);
            return interrupts.Came && goal != RunGoal.Interrupt ? VerbTable.Interrupted : code;
        }
        finally
        {
            await agent.Network.RemoveEverythingAsync(CancellationToken.None);
            await agent.DisposeAsync();
        }
    }

    private Playground Enter(string? images)
    {
        try
        {
            return Playground.Create(images, console.Time);
        }
        catch (Exception e) when (e is ErrnoException or ConfigException)
        {
            throw new VerbException(e.Message);
        }
    }

    private async Task RemoveAsync(Playground playground)
    {
        using CancellationTokenSource patience = new(LastPatience, console.Time);
        try
        {
            await playground.RemoveAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            throw new VerbException($"not everything ended within {LastPatience.TotalSeconds:0} s; the next run removes what is left");
        }
    }

    private static FileLock Own(string directory)
    {
        Directory.CreateDirectory(directory);
        return FileLock.TryTake(Path.Combine(directory, "lock"), out int holder)
            ?? throw new VerbException($"--data-dir {directory} is in use by process {holder}; name another, or import the images there");
    }

    private GivenManifests Read(VerbCall call, string nodeName, RunGoal goal)
    {
        GivenManifests given = GivenManifests.Read(call.Operands, nodeName, console.Time.GetUtcNow());
        foreach (ManifestProblem problem in given.Pods.Problems) console.Error.WriteLine(CliConsole.Clean($"{problem.Severity.ToString().ToLowerInvariant()}: {problem}"));
        if (given.Pods.Problems.Any(p => p.Severity == ProblemSeverity.Error)) throw new VerbException("nothing was started; mend the manifest and try again");
        if (given.Pods.Pods.IsEmpty) throw new VerbException($"no pod is defined in {string.Join(", ", call.Operands)}");
        if (goal == RunGoal.Done && given.Pods.Pods.FirstOrDefault(p => p.Spec.RestartPolicy == "Always") is { } endless)
            throw new VerbException($"pod {endless.Metadata.Name} never completes: its restartPolicy is Always; set it to Never or OnFailure, or leave out --until done");
        return given;
    }

    /// <summary>Every pod in its own time; those that are left when a second interrupt comes at once.</summary>
    private static async Task EndAsync(NodeAgent agent, CancellationToken kill)
    {
        try
        {
            await agent.Workers.StopAllAsync(StopCause.Shutdown, null, kill);
        }
        catch (OperationCanceledException)
        {
            await agent.Workers.StopAllAsync(StopCause.Shutdown, TimeSpan.Zero, CancellationToken.None).WaitAsync(LastPatience, CancellationToken.None);
        }
    }

    private async Task<int> WaitAsync(NodeAgent agent, RunGoal goal, int expected, TimeSpan timeout, CancellationToken stop)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        if (timeout != Timeout.InfiniteTimeSpan) limit.CancelAfter(timeout);
        try
        {
            for (BoardSnapshot board = agent.Board.Now; ; board = await agent.Board.NextAsync(board.Version, limit.Token))
                if (RunOutcome.Of(goal, expected, [.. board.Pods.Values]) is { } code) return code;
        }
        catch (OperationCanceledException)
        {
            if (stop.IsCancellationRequested) return 0;
            console.Error.WriteLine($"nativekubelet run: not {goal.ToString().ToLowerInvariant()} within {timeout}");
            return VerbTable.Failed;
        }
    }

    private async Task ShowAsync(NodeAgent agent, RunView view, CancellationToken cancel)
    {
        for (BoardSnapshot board = agent.Board.Now; ;)
        {
            view.Show(PodDocuments.List(board, agent.Runtime.Sandboxes), agent.Usage.SampleNow());
            // Figures come without a change of the board.
            using CancellationTokenSource tick = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            Task<BoardSnapshot> next = agent.Board.NextAsync(board.Version, tick.Token);
            await Task.WhenAny(next, Task.Delay(Refresh, console.Time, tick.Token));
            if (next.IsCompleted) board = await next;
            await tick.CancelAsync();
        }
    }

    private static async Task TellAsync(NodeAgent agent, RunView view, CancellationToken cancel)
    {
        for (long last = 0; ;)
        {
            ImmutableArray<NodeEvent> news = await agent.Events.NextAsync(last, cancel);
            foreach (NodeEvent e in news.Where(IsNews)) view.Note($"{e.Object}: {e.Reason}: {e.Message}");
            last = news[^1].Number;
        }
    }

    /// <summary>There is no cluster here whose DNS could be missed.</summary>
    private static bool IsNews(NodeEvent e) => e.Type == EventType.Warning && e.Reason != "MissingClusterDNS";

    private static Task Ended(params ReadOnlySpan<Task> tasks) =>
        Task.WhenAll(tasks).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);

    /// <summary>The first signal asks pods to end, the second does not ask.</summary>
    private sealed class Interrupts : IDisposable
    {
        private readonly PosixSignalRegistration[] _signals;

        public Interrupts(CancellationTokenSource stop, CancellationTokenSource kill)
        {
            void On(PosixSignalContext context)
            {
                context.Cancel = true;
                CancellationTokenSource next = stop.IsCancellationRequested ? kill : stop;
                Came = true;
                next.Cancel();
            }
            _signals = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT }.Select(s => PosixSignalRegistration.Create(s, On))];
        }

        public bool Came { get; private set; }

        public void Dispose()
        {
            foreach (PosixSignalRegistration signal in _signals) signal.Dispose();
        }
    }
}
