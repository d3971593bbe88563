using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using NativeKubelet.Api.Local;
using NativeKubelet.Composition;
using NativeKubelet.Config;
using NativeKubelet.Core.Network;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Netlink;
using NativeKubelet.Linux.Systemd;
using NativeKubelet.Runtime.Machines;
using NativeKubelet.Runtime.Recovery;

namespace NativeKubelet.Cli.Doctor;

/// <summary>Looks at the machine for the doctor's checks, and changes nothing on it. What cannot be seen is part of the sight.</summary>
internal static class SightReader
{
    private const string OwnName = "nativekubelet";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <param name="flags">A kubelet's command line.</param>
    public static async Task<NodeSight> ReadAsync(IReadOnlyList<string> flags, TimeProvider time, CancellationToken cancel)
    {
        ConfigSight config = Configuration(flags);
        // With a configuration that does not hold, the rest is judged by the defaults.
        KubeletOptions options = config.Options ?? OptionsResolver.Resolve(FlagParser.Parse([]), NodeAgent.UsualDriver);
        return new(
            time.GetUtcNow(), Environment.IsPrivilegedProcess, await AgentAnswersAsync(options.Paths.Run, cancel), Text("/proc/sys/vm/memfd_noexec") == "2", SystemdManager.Runs, Machine(), config,
            await OciRuntime.AskAsync(options.Pods.Runtime, cancel), Network(options.Network),
            [
                Storage(StorageChecks.Data, options.Paths.Data), Storage(StorageChecks.Volumes, options.Paths.Root),
                Storage(StorageChecks.Logs, options.Paths.PodLogs), Storage(StorageChecks.State, options.Paths.Run),
            ],
            Ports(options.Server), Neighbours(), Foreign(options))
        { DeadRuns = DeadRuns() };
    }

    private static ImmutableArray<string> DeadRuns()
    {
        try { return [.. Playground.Dead()]; }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ErrnoException) { return []; }      // not root: not ours to see
    }

    private static ConfigSight Configuration(IReadOnlyList<string> flags)
    {
        try { return new(DriverChoice.Possible(OptionsResolver.Resolve(FlagParser.Parse(flags), NodeAgent.UsualDriver), SystemdManager.Runs), null); }
        catch (ConfigException e) { return new(null, e.Message); }
    }

    private static async Task<bool> AgentAnswersAsync(string runDirectory, CancellationToken cancel)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(Patience);
        try
        {
            await new AgentClient(runDirectory).GetAsync("/v1/node", LocalJson.Default.NodeDocument, patience.Token);
            return true;
        }
        catch (VerbException)
        {
            return false;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return false;
        }
    }

    private static MachineSight Machine()
    {
        try { return new(MachineReader.Read(), null); }
        catch (IOException e) { return new(null, e.Message); }
    }

    private static NetworkSight Network(NetworkOptions options)
    {
        (CniNetworkConfig? network, ImmutableArray<string> problems) = Cni(options.CniConfDirectory);
        string[] missing = network is null ? []
            : [.. network.Plugins.Select(p => p.Type).Distinct().Where(type => !options.CniBinDirectories.Any(d => File.Exists(Path.Combine(d, type))))];
        return new(
            Text("/proc/sys/net/ipv4/ip_forward") switch { "1" => true, "0" => false, _ => null },
            File.Exists("/proc/sys/net/bridge/bridge-nf-call-iptables"), NftFault(), network?.Name, problems, [.. missing]);
    }

    private static (CniNetworkConfig? Network, ImmutableArray<string> Problems) Cni(string directory)
    {
        if (!Directory.Exists(directory)) return (null, []);
        List<(string Name, byte[] Content)> files = [];
        List<string> unreadable = [];
        try
        {
            foreach (string path in Directory.EnumerateFiles(directory).Where(CniSelection.IsConfig))
                if (RegularFile.TryRead(path, CniSelection.MaxBytes, out byte[] content) == RegularFileResult.Read) files.Add((Path.GetFileName(path), content));
                else unreadable.Add($"{Path.GetFileName(path)}: is no regular file of a sensible size");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            unreadable.Add($"cannot read {directory}: {e.Message}");
        }
        CniNetworkConfig? chosen = CniSelection.Choose(files, out ImmutableArray<string> invalid);
        return (chosen, [.. unreadable, .. invalid]);
    }

    private static string? NftFault()
    {
        try
        {
            using NftSocket nft = NftSocket.Open();
            nft.HasTable(OwnName, AddressFamily.InterNetwork);
            return null;
        }
        catch (ErrnoException e)
        {
            return e.Message;
        }
    }

    /// <summary>A directory that is not made yet will be where the nearest one above it is.</summary>
    private static StorageSight Storage(string purpose, string path)
    {
        string nearest = path;
        while (!Directory.Exists(nearest) && Path.GetDirectoryName(nearest) is { } above) nearest = above;
        try { return new(purpose, path, FileSystemSpace.Of(nearest), null); }
        catch (ErrnoException e) { return new(purpose, path, null, e.Message); }
    }

    private static ImmutableArray<PortSight> Ports(ServerOptions server)
    {
        List<PortSight> ports = [];
        if (server.HealthzPort is { } healthz) ports.Add(Port(server.HealthzAddress, healthz, "health checks"));
        if (server.Port is { } main) ports.Add(Port(server.Address, main, "the kubelet's API"));
        if (server.ReadOnlyPort is { } readOnly) ports.Add(Port(server.Address, readOnly, "the read-only API"));
        return [.. ports];
    }

    private static PortSight Port(IPAddress address, int port, string purpose)
    {
        using Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // As the agent will: a connection of yesterday that lingers is in nobody's way.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen(1);
            return new(port, purpose, null);
        }
        catch (SocketException e)
        {
            return new(port, purpose, $"bind {address}:{port}: {e.Message}");
        }
    }

    /// <summary>Processes of pods are none: what runs in a pid namespace of its own manages its own machine.</summary>
    private static ImmutableArray<NeighbourSight> Neighbours()
    {
        string? here = Link("/proc/self/ns/pid");
        return
        [
            .. from directory in Directory.EnumerateDirectories("/proc")
               let pid = int.TryParse(Path.GetFileName(directory), out int number) ? number : 0
               where pid > 0 && Link(directory + "/ns/pid") == here
               let program = Program(Link(directory + "/exe") ?? "")
               where NeighbourChecks.Known.Contains(program)
               orderby pid
               select new NeighbourSight(pid, program),
        ];
    }

    private static ImmutableArray<ForeignPod> Foreign(KubeletOptions options)
    {
        try
        {
            return ForeignPods.Find(NodeAgent.TreeOf(options.Cgroups), new CgroupFs(CgroupLayout.Detect(), TimeProvider.System), options.Paths);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return [];      // the checks of control groups and rights say why
        }
    }

    /// <summary>The kernel marks a file that was replaced while it runs.</summary>
    private static string Program(string exe)
    {
        const string replaced = " (deleted)";
        return Path.GetFileName(exe.EndsWith(replaced, StringComparison.Ordinal) ? exe[..^replaced.Length] : exe);
    }

    private static string? Link(string path)
    {
        try { return new FileInfo(path).LinkTarget; }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { return null; }      // it has ended, or is not ours to see
    }

    private static string? Text(string path)
    {
        try { return File.ReadAllText(path).Trim(); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { return null; }
    }
}
