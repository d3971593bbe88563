using System.Globalization;
using NativeKubelet.Api.Kubelet;
using NativeKubelet.Api.Local;
using NativeKubelet.Runtime.Streams;

namespace NativeKubelet.Cli.Verbs;

/// <summary><c>logs</c>: a container's output. The files are read here, so that it works without an agent as well.</summary>
public sealed class LogsVerb(CliConsole console)
{
    private const string DefaultLogDirectory = "/var/log/pods";

    private static readonly TimeSpan AgentPause = TimeSpan.FromSeconds(1);

    public VerbSpec Spec => new(
        "logs", "POD [CONTAINER]", "prints what a container wrote, also while no agent runs",
        [
            VerbSpec.Container,
            new("follow", 'f', null, "go on until the container ends"),
            new("tail", '\0', "LINES", "only the last lines"),
            new("since", '\0', "TIME", "only what is younger: 90s, 10m, 2h30m, or a date as in 2026-01-31T12:00:00Z"),
            new("timestamps", 't', null, "each line begins with the time it was written at"),
            new("previous", 'p', null, "the container's instance before the present one"),
            VerbSpec.Namespace,
            new("log-dir", '\0', "DIR", $"where logs are when no agent answers (default {DefaultLogDirectory})") { Kind = WordKind.Directory },
            VerbSpec.RunDirectory,
        ],
        RunAsync)
    {
        Words = [WordKind.Pod, WordKind.Container],
    };

    private async Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        string pod = call.Operand(0, "the pod's name");
        string? container = call.TryGet("container") ?? (call.Operands.Length > 1 ? call.Operands[1] : null);
        LogOptions options = new(
            Follow: call.Has("follow"), Tail: call.Number("tail") is >= 0 and var lines ? lines : null,
            Since: Since(call), Timestamps: call.Has("timestamps"));
        AgentClient agent = AgentClient.For(call);
        string path;
        Task ended;
        using CancellationTokenSource following = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        try
        {
            (path, ended) = await FindAsync(agent, call, pod, container, following.Token);
        }
        catch (AgentAbsentException e)
        {
            path = LogDirectory.Find(call.Get("log-dir", DefaultLogDirectory), pod, call.TryGet("namespace"), container, call.Has("previous"))
                ?? throw new VerbException($"{e.Message}; {call.Get("log-dir", DefaultLogDirectory)} holds no log of \"{pod}\" either");
            // Nobody can say when it ends.
            ended = Task.Delay(Timeout.InfiniteTimeSpan, following.Token);
        }
        try
        {
            using LogReader reader = new(path, options, console.RawOut, console.Time);
            await reader.CopyAsync(ended, cancel);
        }
        catch (Exception e) when (e is FileNotFoundException or Linux.Libc.ErrnoException { Errno: Linux.Libc.Errno.ENOENT })
        {
            throw new VerbException($"the log {path} is gone: {e.Message}");
        }
        finally
        {
            await following.CancelAsync();
        }
        return 0;
    }

    private async Task<(string Path, Task Ended)> FindAsync(AgentClient agent, VerbCall call, string typed, string? named, CancellationToken cancel)
    {
        PodListDocument list = await agent.GetAsync("/v1/pods", LocalJson.Default.PodListDocument, cancel);
        PodDocument pod = PodChoice.Pod(list.Pods, typed, call.TryGet("namespace"));
        ContainerDocument container = PodChoice.Container(pod, named, out string? note);
        if (note is not null) console.Error.WriteLine(CliConsole.Clean(note));
        if (call.Has("previous"))
            return container.PreviousLogPath.Length > 0
                ? (container.PreviousLogPath, Task.CompletedTask)
                : throw new VerbException($"previous terminated container \"{container.Name}\" in pod \"{pod.Name}\" not found");
        if (container.LogPath.Length == 0)
        {
            if (!call.Has("follow"))
                throw new VerbException($"container \"{container.Name}\" in pod \"{pod.Name}\" is waiting to start: {(container.Reason.Length > 0 ? container.Reason : "ContainerCreating")}");
            container = await StartAsync(agent, pod, container, cancel);
        }
        return (container.LogPath, call.Has("follow") ? EndAsync(agent, pod.Uid, container, cancel) : Task.CompletedTask);
    }

    /// <summary>Waits for a container that has not run yet.</summary>
    private static async Task<ContainerDocument> StartAsync(AgentClient agent, PodDocument pod, ContainerDocument container, CancellationToken cancel)
    {
        await foreach (PodListDocument list in agent.LinesAsync("GET", "/v1/pods?watch", LocalJson.Default.PodListDocument, cancel))
        {
            if (list.Pods.FirstOrDefault(p => p.Uid == pod.Uid) is not { } now) break;
            if (now.Find(container.Name) is { LogPath.Length: > 0 } started) return started;
        }
        throw new VerbException($"pod {pod.Namespace}/{pod.Name} went away before its container \"{container.Name}\" started");
    }

    /// <summary>Completes when this instance runs no more. An agent that is replaced meanwhile is asked again.</summary>
    private async Task EndAsync(AgentClient agent, string uid, ContainerDocument instance, CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                await foreach (PodListDocument list in agent.LinesAsync("GET", "/v1/pods?watch", LocalJson.Default.PodListDocument, cancel))
                {
                    ContainerDocument? now = list.Pods.FirstOrDefault(p => p.Uid == uid)?.Find(instance.Name);
                    if (now is null || now.State != "running" && now.LogPath.Length > 0 || now.LogPath.Length > 0 && now.LogPath != instance.LogPath) return;
                }
            }
            catch (AgentAbsentException)
            {
                // Killed or being upgraded: the container runs on, and so does its log.
            }
            await Task.Delay(AgentPause, console.Time, cancel);
        }
    }

    private DateTimeOffset? Since(VerbCall call) => call.TryGet("since") switch
    {
        null => null,
        var text when GoDurationText.TryParse(text, out TimeSpan age) => console.Time.GetUtcNow() - age,
        var text when DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset at) => at,
        var text => throw new UsageException(call.Verb, $"--since needs a duration or a date, not \"{text}\""),
    };
}
