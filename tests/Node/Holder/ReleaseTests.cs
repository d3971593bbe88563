using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Linux.Sockets;
using NativeKubelet.Runtime.Sandboxes;

namespace NativeKubelet.Tests.Node.Holder;

/// <summary>Agents and holders of different releases: an upgrade or a roll-back meets the holders of the other one.</summary>
public sealed class ReleaseTests
{
    [Fact]
    public async Task The_first_releases_agent_is_served_by_todays_holder()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        using SeqPacketSocket agent = SeqPacketSocket.Connect(host.Socket);
        RunRequest asked = await host.RequestAsync("c1", ["/bin/sh", "-c", "echo said; exit 3"], maxSize: 10000);

        Wire hello = await AskAsync(agent, new(Wire.Hello, 1));
        Wire pause = await AskAsync(agent, new(Wire.StartPause, 2, (Wire.Namespaces, 6), (Wire.Hostname, "first")));
        await SendAsync(agent, new(Wire.Run, 3,
            [(Wire.Id, "c1"), .. asked.Arguments.Select(a => (Wire.Arg, (object)a)), .. asked.Environment.Select(e => (Wire.Env, (object)e)), (Wire.PidFile, asked.PidFile),
            (Wire.ExitFile, asked.ExitFile), (Wire.OomFile, asked.OomFile!), (Wire.LogName, "0.log"), (Wire.LogMaxSize, 10000), (Wire.LogMaxFiles, 5), (Wire.Flags, 0)]),
            Path.GetDirectoryName(asked.LogPath)!);
        Wire accepted = await ReceiveAsync(agent), started = await ReceiveAsync(agent), exited = await ReceiveAsync(agent);

        Assert.Equal(((ulong)host.Holder.Process.Pid, 0ul), (hello.Number(Wire.Pid), hello.Number(Wire.PausePid)));
        Assert.True(pause.Number(Wire.Pid) > 1);
        Assert.Equal((Wire.Reply, 3ul, 0ul), (accepted.Type, accepted.Request, accepted.Number(Wire.Error)));
        Assert.Equal((Wire.Started, 3ul, "c1"), (started.Type, started.Request, started.Word(Wire.Id)));
        Assert.True(started.Number(Wire.Pid) > 1);
        Assert.Equal((Wire.Exited, "c1", 3ul, 0ul, 0ul), (exited.Type, exited.Word(Wire.Id), exited.Number(Wire.Code), exited.Number(Wire.SignalNumber), exited.Number(Wire.Lost)));
        Assert.EndsWith(" stdout F said\n", await File.ReadAllTextAsync(asked.LogPath, TestContext.Current.CancellationToken));

        await AskAsync(agent, new(Wire.Ack, 4, (Wire.Event, started.Number(Wire.Event))));
        Wire list = await AskAsync(agent, new(Wire.List, 5, (Wire.Next, 0)));
        Assert.Equal(("c1", 3ul, 0ul), (list.Word(Wire.Id), list.Number(Wire.State), list.Number(Wire.Next)));
        await AskAsync(agent, new(Wire.Ack, 6, (Wire.Event, exited.Number(Wire.Event))));
        Assert.False((await AskAsync(agent, new(Wire.List, 7, (Wire.Next, 0)))).Has(Wire.Id));
        await AskAsync(agent, new(Wire.Quit, 8, (Wire.Flags, 0)));
        await host.Holder.Process.WaitForExitAsync(HolderHost.Deadline());
    }

    [Fact]
    public async Task What_a_later_agent_says_is_skipped_or_refused_and_harms_nothing()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        using SeqPacketSocket agent = SeqPacketSocket.Connect(host.Socket);
        await SendAsync(agent, new Wire(Wire.Hello, 1, (999, "new"), (60, new byte[3])) { Minor = 9 });
        Assert.True((await ReceiveAsync(agent)).Number(Wire.Pid) > 1);

        await SendAsync(agent, new Wire(50, 2, (Wire.Id, "c1")) { Minor = 9 });

        Assert.Equal((ulong)Errno.ENOSYS, (await ReceiveAsync(agent)).Number(Wire.Error));
        await AskAsync(agent, new(Wire.List, 3));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(7, true)]
    public async Task Todays_agent_understands_the_first_releases_holder_and_a_later_one(int minor, bool later)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: an agent speaks with holders of uid 0 only");
        string directory = Directory.CreateTempSubdirectory("nk-test-").FullName;
        try
        {
            await using OtherHolder other = new(Path.Combine(directory, "holder.sock"), (ushort)minor, later);
            HolderConnection holder = (await HolderConnection.ConnectAsync(other.Path, HolderHost.Deadline()))!;
            await using HolderConnection end = holder;
            Assert.Equal(41, holder.PausePid);
            ContainerExited replayed = Assert.IsType<ContainerExited>(await holder.Events.ReadAsync(HolderHost.Deadline()));
            Assert.Equal((9ul, "old", 137, true), (replayed.Id, replayed.ContainerId, replayed.Exit.Code, replayed.Exit.OomKilled));
            await holder.AcknowledgeAsync(replayed.Id, HolderHost.Deadline());

            RunResult run = await holder.RunContainerAsync(new RunRequest("c1", ["/usr/sbin/runc"], ["A=b"], "/p", "/e", "/o", Path.Combine(directory, "0.log"), 10, 3, false, null), HolderHost.Deadline());
            RunResult failed = (await holder.ExecAsync(new ExecRequest("c1", "e1", ["/usr/sbin/runc"], [], "/p", null), DevNull(), DevNull(), DevNull(), HolderHost.Deadline())).Result;
            Assert.Equal((77, 0), (run.Pid, run.RuntimeExitCode));
            Assert.Equal((0, 1, "no such container"), (failed.Pid, failed.RuntimeExitCode, failed.RuntimeError));
            HolderEntry entry = Assert.Single(await holder.ListAsync(HolderHost.Deadline()));
            Assert.Equal(("c1", "", HolderProcessState.Running, 77), (entry.ContainerId, entry.ExecId, entry.State, entry.Pid));
            Assert.False(await holder.SignalAsync("gone", null, 9, HolderHost.Deadline()));
            Assert.Equal([Wire.Hello, Wire.Ack, Wire.Run, Wire.Ack, Wire.Exec, Wire.Ack, Wire.List, Wire.Signal], other.Asked);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task SendAsync(SeqPacketSocket agent, Wire message, string? directory = null)
    {
        using FileDescriptor? descriptor = directory is null ? null : DirectoryDescriptor.Open(directory);
        await agent.SendAsync(message.ToBytes(), descriptor is null ? [] : [descriptor], HolderHost.Deadline());
    }

    private static async Task<Wire> ReceiveAsync(SeqPacketSocket agent)
    {
        byte[] packet = new byte[32768];
        return Wire.Read(packet.AsSpan(0, (await agent.ReceiveAsync(packet, HolderHost.Deadline())).Length));
    }

    private static async Task<Wire> AskAsync(SeqPacketSocket agent, Wire message)
    {
        await SendAsync(agent, message);
        Wire reply = await ReceiveAsync(agent);
        Assert.Equal((Wire.Reply, message.Request, 0ul), (reply.Type, reply.Request, reply.Number(Wire.Error)));
        return reply;
    }

    private static Microsoft.Win32.SafeHandles.SafeFileHandle DevNull() => File.OpenHandle("/dev/null");

    /// <summary>Speaks as a holder of another release would; a later one says more than anybody here knows.</summary>
    private sealed class OtherHolder : IAsyncDisposable
    {
        private readonly SeqPacketSocket _listener;
        private readonly CancellationTokenSource _end = new();
        private readonly ushort _minor;
        private readonly bool _later;
        private readonly Task _serving;

        public OtherHolder(string path, ushort minor, bool later)
        {
            (Path, _minor, _later) = (path, minor, later);
            _listener = SeqPacketSocket.Bind(path);
            _listener.Listen(1);
            _serving = ServeAsync();
        }

        public string Path { get; }

        public List<ushort> Asked { get; } = [];

        public async ValueTask DisposeAsync()
        {
            await _end.CancelAsync();
            await _serving;
            _listener.Dispose();
            _end.Dispose();
        }

        private async Task ServeAsync()
        {
            try
            {
                using SeqPacketSocket agent = await _listener.AcceptAsync(_end.Token);
                byte[] packet = new byte[32768];
                while (await agent.ReceiveAsync(packet, _end.Token) is { Length: > 0 } received)
                {
                    foreach (FileDescriptor descriptor in received.Descriptors) descriptor.Dispose();
                    Wire request = Wire.Read(packet.AsSpan(0, received.Length));
                    Asked.Add(request.Type);
                    foreach (Wire answer in Answers(request))
                    {
                        Wire said = _later ? answer with { Fields = [(999, new byte[5]), .. answer.Fields, (61, "new")] } : answer;
                        await agent.SendAsync((said with { Minor = _minor }).ToBytes(), [], _end.Token);
                    }
                }
            }
            catch (Exception e) when (e is OperationCanceledException or ErrnoException)
            {
                // The test has ended.
            }
        }

        private IEnumerable<Wire> Answers(Wire request)
        {
            ulong number = request.Request;
            Wire done = new(Wire.Reply, number, (Wire.Error, 0));
            return request.Type switch
            {
                Wire.Hello =>
                [
                    new(Wire.Reply, number, (Wire.Error, 0), (Wire.Pid, Environment.ProcessId), (Wire.PausePid, 41)),
                    .. _later ? (Wire[])[new(99, 0, (Wire.Event, 8), (Wire.Id, "old"))] : [],
                    new(Wire.Exited, 0, (Wire.Event, 9), (Wire.Id, "old"), (Wire.Code, 0), (Wire.SignalNumber, 9), (Wire.Finished, 1_600_000_000_000_000_000ul), (Wire.OomKills, 1), (Wire.Lost, 0)),
                ],
                Wire.Run when Needed(request, Wire.Id, Wire.Arg, Wire.Env, Wire.PidFile, Wire.ExitFile, Wire.OomFile, Wire.LogName, Wire.LogMaxSize, Wire.LogMaxFiles, Wire.Flags) =>
                    [done, new(Wire.Started, number, (Wire.Event, 10), (Wire.Id, "c1"), (Wire.Pid, 77))],
                Wire.Exec when Needed(request, Wire.Id, Wire.ExecId, Wire.Arg, Wire.PidFile, Wire.Flags) =>
                    [done, new(Wire.StartFailed, number, (Wire.Event, 11), (Wire.Id, "c1"), (Wire.ExecId, "e1"), (Wire.Code, 1), (Wire.SignalNumber, 0), (Wire.Text, "no such container"))],
                Wire.List => [new(Wire.Reply, number, (Wire.Error, 0), (Wire.Entry, 0), (Wire.Id, "c1"), (Wire.State, 2), (Wire.Pid, 77), (Wire.Next, 0))],
                Wire.Signal when Needed(request, Wire.Id, Wire.SignalNumber) => [new(Wire.Reply, number, (Wire.Error, Errno.ESRCH), (Wire.Text, "gone"))],
                Wire.Ack when Needed(request, Wire.Event) => [done],
                _ => [new(Wire.Reply, number, (Wire.Error, Errno.ENOSYS), (Wire.Text, $"request {request.Type} lacks what the first release needs"))],
            };
        }

        private static bool Needed(Wire request, params ushort[] tags) => tags.All(request.Has);
    }
}
