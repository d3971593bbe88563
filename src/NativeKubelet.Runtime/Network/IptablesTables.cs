using System.Collections.Immutable;
using System.Net.Sockets;
using System.Text;
using NativeKubelet.Core.Network;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Runtime.Network;

/// <summary>
/// By the iptables programs, where the kernel's nf_tables cannot be used. Nobody tells of losses there, so the first jump is
/// looked for once a minute. A file in the network's directory says that these rules are in use, for the agent after this one.
/// </summary>
internal sealed class IptablesTables : IBridgeTables
{
    private const int MostOutput = 64 << 10, MostMarker = 256;
    private static readonly string[] Directories = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"];
    private static readonly AddressFamily[] Families = [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30), Round = TimeSpan.FromMinutes(1);

    private readonly string _bridge, _marker, _bootId;
    private readonly ImmutableArray<string> _kinds;
    private readonly NodeNamespace _node;
    private readonly TimeProvider _time;
    private string _kind;
    private ImmutableArray<AddressFamily> _written = [];

    /// <param name="kinds">Programs to try in turn, by what follows "ip" in their names, such as "tables" or "tables-legacy".</param>
    public IptablesTables(string bridge, NodeNamespace node, string directory, string bootId, ImmutableArray<string> kinds, TimeProvider time)
    {
        (_bridge, _node, _bootId, _kinds, _time) = (bridge, node, bootId, kinds, time);
        _marker = Path.Combine(directory, "iptables");
        _kind = kinds.FirstOrDefault(kind => RegularFile.TryRead(_marker, MostMarker, out byte[] content) == RegularFileResult.Read
            && content.AsSpan().SequenceEqual(MarkerOf(kind))) ?? "";
    }

    /// <summary>An agent before this one made rules by iptables since the machine booted.</summary>
    public bool InUse => _kind.Length > 0;

    public void Write(ImmutableArray<Subnet> subnets, ImmutableArray<PortForward> forwards)
    {
        ImmutableArray<AddressFamily> families = [.. Families.Where(f => subnets.Any(s => s.Family == f))];
        foreach (AddressFamily family in families)
        {
            Restore(family, IptablesRules.Text(family, _bridge, subnets, forwards));
            foreach (IptablesJump jump in IptablesRules.Jumps(family, _bridge))
                if (!Has(family, _kind, jump)) Insert(family, jump);
        }
        _written = families;
    }

    public void Remove()
    {
        if (_kind.Length > 0) Clear(_kind);
        _written = [];
        File.Delete(_marker);
    }

    public async Task LossAsync(CancellationToken cancel)
    {
        do await Task.Delay(Round, _time, cancel);
        while (_written.All(family => IptablesRules.Jumps(family, _bridge).All(jump => Has(family, _kind, jump))));
    }

    public void Dispose()
    {
        // Programs that have ended hold nothing.
    }

    /// <summary>With the first kind of program that can; from then on only with that.</summary>
    private void Restore(AddressFamily family, string text)
    {
        List<string> failures = [];
        foreach (string kind in _kind.Length > 0 ? [_kind] : _kinds)
        {
            string program = Program(family, kind) + "-restore";
            if (Find(program) is not { } path)
            {
                failures.Add($"{program} is not installed");
                continue;
            }
            // Before it is so: what a crash leaves behind must be found again.
            if (_kind.Length == 0) AtomicFile.Write(_marker, MarkerOf(kind), durable: false);
            ToolResult result = Run(path, ["--noflush", "--wait", "5"], text);
            if (result.Exit.Success)
            {
                _kind = kind;
                return;
            }
            failures.Add($"{program}: {CniAnswer.Failure([], result.Error, result.Exit.ToString())}");
            // Each table is made true by itself: the first may stand although the second is refused.
            if (_kind.Length == 0) Clear(kind);
        }
        if (_kind.Length == 0) File.Delete(_marker);
        throw new IOException(string.Join("; ", failures));
    }

    private void Clear(string kind)
    {
        foreach (AddressFamily family in Families)
        {
            if (Find(Program(family, kind)) is null) continue;
            foreach (IptablesJump jump in IptablesRules.Jumps(family, _bridge))
                while (Has(family, kind, jump) && Tool(family, kind, ["-t", jump.Table, "-D", jump.From, .. jump.Match, "-j", jump.To]).Exit.Success) { }
            foreach ((string table, string chain) in IptablesRules.Chains(family, _bridge))
            {
                // Both fail where the chain is not there.
                Tool(family, kind, ["-t", table, "-F", chain]);
                Tool(family, kind, ["-t", table, "-X", chain]);
            }
        }
    }

    private bool Has(AddressFamily family, string kind, IptablesJump jump) => Tool(family, kind, ["-t", jump.Table, "-C", jump.From, .. jump.Match, "-j", jump.To]).Exit.Success;

    private void Insert(AddressFamily family, IptablesJump jump)
    {
        ToolResult result = Tool(family, _kind, ["-t", jump.Table, "-I", jump.From, .. jump.Match, "-j", jump.To]);
        if (!result.Exit.Success) throw new IOException($"{Program(family, _kind)} -t {jump.Table} -I {jump.From}: {CniAnswer.Failure([], result.Error, result.Exit.ToString())}");
    }

    private ToolResult Tool(AddressFamily family, string kind, ImmutableArray<string> arguments)
    {
        string program = Program(family, kind);
        return Run(Find(program) ?? throw new IOException($"{program} is not installed"), ["--wait", "5", .. arguments], "");
    }

    // The caller holds a thread's lock: these few programs are waited for where they are started.
    private ToolResult Run(string path, ImmutableArray<string> arguments, string input)
    {
        SpawnRequest request = new(path, [path, .. arguments]) { Environment = [$"PATH={string.Join(':', Directories)}"] };
        return _node.Run(() => ToolRun.RunAsync(request, Encoding.UTF8.GetBytes(input), MostOutput, Patience, CancellationToken.None)).GetAwaiter().GetResult();
    }

    private static string Program(AddressFamily family, string kind) => (family == AddressFamily.InterNetworkV6 ? "ip6" : "ip") + kind;

    private static string? Find(string program) => Directories.Select(d => Path.Combine(d, program)).FirstOrDefault(File.Exists);

    private byte[] MarkerOf(string kind) => Encoding.UTF8.GetBytes($"{kind} {_bootId}\n");
}
