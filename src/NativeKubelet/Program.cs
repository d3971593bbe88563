using NativeKubelet.Cli;
using NativeKubelet.Cli.Verbs;
using NativeKubelet.Composition;

namespace NativeKubelet;

internal static class Program
{
    /// <summary>A first word that is a verb is a verb; anything else is a kubelet's command line.</summary>
    private static async Task<int> Main(string[] args)
    {
        CliConsole console = CliConsole.OfProcess(TimeProvider.System);
        VerbTable verbs = VerbTable.ForAgent(console);
        verbs = verbs with { All = verbs.All.Insert(0, new RunVerb(console, level => new StderrLog(level < 0 ? TextWriter.Null : console.Error)).Spec) };
        if (args.Length > 0 && verbs.Find(args[0]) is { } verb) return await VerbTable.RunAsync(verb, args.AsMemory(1), console, CancellationToken.None);
        if (args is ["--version", ..])
        {
            console.Out.WriteLine($"Kubernetes {KubeletVersion.Text}");
            console.Out.Flush();
            return 0;
        }
        return await Daemon.RunAsync(args, console.Error);
    }
}
