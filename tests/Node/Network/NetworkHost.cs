using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Namespaces;
using NativeKubelet.Linux.Netlink;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Network;
using NativeKubelet.Tests.Node.Images;

namespace NativeKubelet.Tests.Node.Network;

/// <summary>
/// A node of its own: a network namespace with an uplink to "the world", in which the real code makes bridges and tables and
/// runs real plugins, so that nothing of the machine's own network is ever touched. Pods are namespaces bound to paths.
/// </summary>
public sealed class NetworkHost : IAsyncDisposable
{
    public const string NodeAddress = "198.51.100.2", WorldAddress = "198.51.100.1";

    private readonly NetworkNamespace _world = NetworkNamespace.Create("the world");
    private readonly List<SandboxNetwork> _networks = [];
    private readonly List<string> _pods = [];

    public NetworkHost()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");
        foreach (string directory in (string[])[Data, ConfDirectory, BinDirectory, NamespaceDirectory]) System.IO.Directory.CreateDirectory(directory);
        using RouteSocket node = Node.Run(RouteSocket.Open), world = _world.Run(RouteSocket.Open);
        node.SetUp(node.Link("lo").Index);
        world.SetUp(world.Link("lo").Index);
        node.AddVeth(new("uplink", 0, 1400, "node", _world.Descriptor, default));
        int uplink = node.Link("uplink").Index, far = world.Link("node").Index;
        node.AddAddress(uplink, IPAddress.Parse(NodeAddress), 24);
        world.AddAddress(far, IPAddress.Parse(WorldAddress), 24);
        node.SetUp(uplink);
        world.SetUp(far);
        node.AddDefaultRoute(uplink, IPAddress.Parse(WorldAddress));
        Settings = new("nkt0", "10.77.0.0/24", ConfDirectory, [BinDirectory, "/usr/lib/cni"], Path.Combine(Directory, "cni"), Data) { Node = Node };
    }

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("nk-test-").FullName;
    public string Data => Path.Combine(Directory, "data");
    public string ConfDirectory => Path.Combine(Directory, "net.d");
    public string BinDirectory => Path.Combine(Directory, "bin");
    public string NamespaceDirectory => Path.Combine(Directory, "netns");
    public NetworkNamespace Node { get; } = NetworkNamespace.Create("the node");
    public NetworkNamespace World => _world;
    public NetworkSettings Settings { get; set; }
    public RecordingLogger Log { get; } = new();

    /// <summary>As after a start of the agent; the one before must have been disposed, as a process that ended is.</summary>
    public SandboxNetwork Start(NetworkSettings? settings = null)
    {
        SandboxNetwork network = new(settings ?? Settings, TimeProvider.System, Log);
        _networks.Add(network);
        return network;
    }

    public NetworkAttachment Pod(params PortMapping[] ports)
    {
        string id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)), path = Path.Combine(NamespaceDirectory, id);
        using (NetworkNamespace pod = NetworkNamespace.Create(id)) pod.BindTo(path);
        _pods.Add(path);
        return new(id, path, "web", "default", "uid-" + id[..4], "", [.. ports], ImmutableDictionary<string, string>.Empty);
    }

    public void EndNamespace(NetworkAttachment pod) => NetworkNamespace.Unbind(pod.NamespacePath);

    public string Ip(params string[] arguments) => Tool(Node, "/usr/sbin/ip", arguments);

    /// <summary>Links, tables and files that are there, for before and after.</summary>
    public string Everything() => string.Join('\n',
        string.Join(' ', Links().Select(l => l.Name).Order(StringComparer.Ordinal)), Tool(Node, "/usr/sbin/nft", "list", "tables"),
        "ip_forward " + Node.Run(() => File.ReadAllText("/proc/sys/net/ipv4/ip_forward")),
        string.Join('\n', System.IO.Directory.EnumerateFiles(Directory, "*", SearchOption.AllDirectories).Where(f => !f.StartsWith(NamespaceDirectory, StringComparison.Ordinal)).Order(StringComparer.Ordinal)));

    public ImmutableArray<NetworkLink> Links()
    {
        using RouteSocket route = Node.Run(RouteSocket.Open);
        return route.Links();
    }

    /// <summary>The attacker is root in the pod: what it sends to 127.0.0.1 goes to the gateway's MAC.</summary>
    public static void SendLoopbackToGateway(NetworkAttachment pod, string gateway)
    {
        In(pod, () =>
        {
            File.WriteAllText("/proc/sys/net/ipv4/conf/all/route_localnet", "1");
            return 0;
        });
        using NetworkNamespace space = NetworkNamespace.Open(pod.NamespacePath);
        string own = In(pod, () =>
        {
            using RouteSocket route = RouteSocket.Open();
            return route.Addresses().First(a => a.Global).Address.ToString();
        });
        Tool(space, "/usr/sbin/ip", "addr", "del", "127.0.0.1/8", "dev", "lo");
        Tool(space, "/usr/sbin/ip", "route", "add", "127.0.0.1/32", "via", gateway, "dev", "eth0", "src", own);
        Tool(space, "/usr/sbin/ip", "route", "flush", "table", "local", "127.0.0.0/8");
    }

    public static T In<T>(NetworkAttachment pod, Func<T> work)
    {
        using NetworkNamespace space = NetworkNamespace.Open(pod.NamespacePath);
        return space.Run(work);
    }

    public static string Tool(NetworkNamespace space, string program, params string[] arguments)
    {
        SpawnRequest request = new(program, [program, .. arguments]) { Environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] };
        ToolResult result = space.Run(() => ToolRun.RunAsync(request, default, 1 << 20, TimeLimit.Of(30), CancellationToken.None)).GetAwaiter().GetResult();
        Assert.True(result.Exit.Success, $"{program} {string.Join(' ', arguments)}: {Encoding.UTF8.GetString(result.Error)}");
        return Encoding.UTF8.GetString(result.Output);
    }

    /// <summary>A server in the pod that tells each caller the address that it sees.</summary>
    public static Server Listen(NetworkAttachment pod, int port) => new(In(pod, () => new TcpListener(IPAddress.Any, port)));

    public static Server Listen(NetworkNamespace space, int port) => new(space.Run(() => new TcpListener(IPAddress.Any, port)));

    /// <returns>What the server saw as the caller's address.</returns>
    public static Task<string> AskAsync(NetworkNamespace from, string address, int port, int seconds = 10) => AskAsync(from.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)), address, port, seconds);

    public static Task<string> AskAsync(NetworkAttachment from, string address, int port, int seconds = 10) => AskAsync(In(from, () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)), address, port, seconds);

    public static async Task<string> AskAsync(Socket socket, string address, int port, int seconds)
    {
        using (socket)
        using (CancellationTokenSource deadline = new(TimeLimit.Of(seconds)))
        {
            await socket.ConnectAsync(IPAddress.Parse(address), port, deadline.Token);
            byte[] answer = new byte[64];
            int count = await socket.ReceiveAsync(answer, deadline.Token);
            return Encoding.ASCII.GetString(answer, 0, count);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (SandboxNetwork network in _networks) network.Dispose();
        foreach (string pod in _pods) NetworkNamespace.Unbind(pod);
        Node.Dispose();
        _world.Dispose();
        DirectoryHandle.DeleteTree(Directory);
        await Task.CompletedTask;
    }

    public sealed class Server : IDisposable
    {
        private readonly TcpListener _listener;

        public Server(TcpListener listener)
        {
            _listener = listener;
            listener.Start();
            _ = Task.Run(async () =>
            {
                while (true)
                {
                    using Socket caller = await listener.AcceptSocketAsync();
                    await caller.SendAsync(Encoding.ASCII.GetBytes(((IPEndPoint)caller.RemoteEndPoint!).Address.ToString()));
                }
            });
        }

        public void Dispose() => _listener.Dispose();
    }
}
