using System.Text;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Cli;
using NativeKubelet.Cli.Streams;
using NativeKubelet.Cli.Verbs;
using NativeKubelet.Core.Pods;
using NativeKubelet.Events;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Stats;
using NativeKubelet.Server.Local;
using NativeKubelet.Status;
using NativeKubelet.Tests.Node.Containers;

namespace NativeKubelet.Tests.Node.Cli;

/// <summary>A real container behind the agent's sockets, and the verbs that talk to it.</summary>
internal sealed class CliHost(RuntimeHost node, LocalApi api, string run) : IAsyncDisposable
{
    public required ContainerState Container { get; init; }

    public static async Task<CliHost> StartAsync(string script, Action<V1Pod>? change = null)
    {
        RuntimeHost node = await RuntimeHost.StartAsync();
        string run = Directory.CreateTempSubdirectory("nk-cli-").FullName;
        try
        {
            (V1Pod pod, _, ContainerState container) = await node.RunAsync(script, change);
            StatusBoard board = new();
            board.Publish(new PodView(pod, new PodStatus(
                PodPhase.Running, "", "", [], [new("main", "hello", "", container.Id, 0, true, true, new Running(DateTimeOffset.UnixEpoch), null)],
                DateTimeOffset.UnixEpoch, [], [], "BestEffort", 1)));
            LocalApi api = new(
                new LocalSources(board, new EventLog(TimeProvider.System), node.Runtime, null!, v => v.Pod, () => UsageSnapshot.Empty, () => [], () => "{}",
                    () => new("n1", "v1.36.2", 1, DateTimeOffset.UnixEpoch, "v1", "cgroupfs", "runc", true, "", new("", "", "", "", ""))),
                run, TimeProvider.System, NullLoggerFactory.Instance);
            return new CliHost(node, api, run) { Container = container };
        }
        catch
        {
            await node.DisposeAsync();
            Directory.Delete(run, recursive: true);
            throw;
        }
    }

    public Task<int> VerbAsync(ConsoleEnds ends, params string[] words) => Task.Run(() =>
    {
        CliConsole console = new(Stream.Null, TextWriter.Null, TimeProvider.System);
        VerbSpec verb = words[0] == "exec" ? new ExecVerb(console, ends).Spec : new AttachVerb(console, ends).Spec;
        return VerbTable.RunAsync(verb, new[] { "--run-dir", run }.Concat(words[1..]).ToArray(), console, RuntimeHost.Deadline());
    });

    /// <returns>The exit code and all that was painted.</returns>
    public async Task<(int Code, string Painted)> TopAsync(ConsoleEnds ends)
    {
        using MemoryStream painted = new();
        CliConsole console = new(painted, TextWriter.Null, TimeProvider.System, new(24, 80));
        int code = await VerbTable.RunAsync(
            new TopVerb(console, ends, () => new(4000, 8L << 30)).Spec, new[] { "--run-dir", run }, console, RuntimeHost.Deadline());
        return (code, Encoding.UTF8.GetString(painted.ToArray()));
    }

    /// <summary>Without a terminal: the input is given whole, and then closed.</summary>
    public async Task<(int Code, string Out, string Error)> PipedAsync(string input, params string[] words)
    {
        (FileDescriptor inRead, FileDescriptor inWrite) = Pipe.Create();
        (FileDescriptor outRead, FileDescriptor outWrite) = Pipe.Create();
        (FileDescriptor errorRead, FileDescriptor errorWrite) = Pipe.Create();
        Task<string> output = ReadAsync(outRead), error = ReadAsync(errorRead);
        OpenedFile.Write(inWrite, Encoding.UTF8.GetBytes(input), "in");
        inWrite.Dispose();
        int code = await VerbAsync(new ConsoleEnds(inRead, outWrite, errorWrite), words);
        outWrite.Dispose();
        errorWrite.Dispose();
        inRead.Dispose();
        return (code, await output, await error);
    }

    public async ValueTask DisposeAsync()
    {
        await api.DisposeAsync();
        await node.DisposeAsync();
        Directory.Delete(run, recursive: true);
    }

    private static Task<string> ReadAsync(FileDescriptor from) => Task.Factory.StartNew(() =>
    {
        using FileDescriptor end = from;
        using MemoryStream all = new();
        byte[] buffer = new byte[4096];
        for (int count; (count = OpenedFile.Read(end, buffer, "output")) > 0;) all.Write(buffer, 0, count);
        return Encoding.UTF8.GetString(all.ToArray());
    }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
