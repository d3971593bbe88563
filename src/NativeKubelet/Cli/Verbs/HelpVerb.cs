using NativeKubelet.Config;

namespace NativeKubelet.Cli.Verbs;

/// <summary><c>help</c>: what there is to say to this program; <c>help VERB</c>: one verb; <c>help flags</c>: the kubelet's command line.</summary>
public sealed class HelpVerb(CliConsole console, Func<VerbTable> verbs)
{
    private const string Flags = "flags";
    private const int NameWidth = 12, FlagWidth = 44;

    public VerbSpec Spec => new("help", "[VERB|flags]", "lists verbs, tells about one of them, or lists the kubelet's flags", [], RunAsync) { Words = [WordKind.Verb], Choices = [Flags] };

    /// <summary>What <c>--help</c> prints in a kubelet's place: all of it.</summary>
    public static void PrintAll(VerbTable verbs, TextWriter to)
    {
        PrintVerbs(verbs, to);
        to.WriteLine();
        PrintFlags(to);
    }

    public static void PrintVerbs(VerbTable verbs, TextWriter to)
    {
        to.WriteLine($"NativeKubelet {KubeletVersion.Text}: the kubelet and its container runtime in one program");
        to.WriteLine();
        to.WriteLine("  nativekubelet VERB [options]       one of the verbs below");
        to.WriteLine("  nativekubelet --FLAG[=VALUE]…      the node's agent, by the kubelet's own flags ('nativekubelet help flags')");
        foreach (IGrouping<string, VerbSpec> group in verbs.All.Where(v => v.Group.Length > 0).GroupBy(v => v.Group))
        {
            to.WriteLine();
            to.WriteLine(group.Key);
            foreach (VerbSpec verb in group) to.WriteLine($"  {verb.Name.PadRight(NameWidth)} {verb.Summary}");
        }
        to.WriteLine();
        to.WriteLine("'nativekubelet VERB --help' tells more. A first look: 'nativekubelet doctor', then 'nativekubelet run pod.yaml'.");
    }

    private static void PrintFlags(TextWriter to)
    {
        to.WriteLine("flags of the agent; those that set a field are better set in the file of --config");
        foreach (FlagSpec flag in KubeletFlags.All.Where(f => f.Status == FlagStatus.Read && f.AliasOf is null).OrderBy(f => f.Name, StringComparer.Ordinal))
        {
            string name = (flag.Shorthand == 0 ? "    " : $"-{flag.Shorthand}, ") + $"--{flag.Name} {ValueOf(flag.Kind)}";
            to.WriteLine($"  {name.TrimEnd().PadRight(FlagWidth)} {flag.Effect}{(flag.Default is "" or "false" ? "" : $" (default {flag.Default})")}");
        }
        to.WriteLine();
        to.WriteLine("accepted for old command lines, without effect");
        to.WriteLine($"  {string.Join(", ", KubeletFlags.All.Where(f => f.Status == FlagStatus.Ignored).Select(f => f.Name).Order(StringComparer.Ordinal))}");
    }

    private static string ValueOf(FlagKind kind) => kind switch
    {
        FlagKind.Bool or FlagKind.Version => "",
        FlagKind.Whole or FlagKind.Long or FlagKind.Float => "NUMBER",
        FlagKind.Duration => "DURATION",
        FlagKind.Ip => "ADDRESS",
        FlagKind.TextList or FlagKind.Taints or FlagKind.ReservedMemory => "LIST",
        FlagKind.TextMap or FlagKind.TextMapOnePair or FlagKind.BoolMap or FlagKind.LessMap or FlagKind.HeaderMap or FlagKind.Labels or FlagKind.Vmodule => "PAIRS",
        _ => "TEXT",
    };

    private Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        switch (call.Operands)
        {
            case []:
                PrintVerbs(verbs(), console.Out);
                break;
            case [Flags]:
                PrintFlags(console.Out);
                break;
            case [var name, ..]:
                (verbs().Find(name) ?? throw new UsageException(call.Verb, $"there is no verb \"{name}\"")).PrintHelp(console.Out);
                break;
        }
        console.Out.Flush();
        return Task.FromResult(0);
    }
}
