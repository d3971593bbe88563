using NativeKubelet.Cli;
using NativeKubelet.Cli.Verbs;
using NativeKubelet.Composition;
using NativeKubelet.Linux.Terminals;

namespace NativeKubelet;

internal static class Program
{
    /// <summary>A first word that is a verb is a verb; nothing at all, typed by a person, asks for help; anything else is a kubelet's command line.</summary>
    private static async Task<int> Main(string[] args)
    {
        CliConsole console = CliConsole.OfProcess(TimeProvider.System);
        VerbTable verbs = VerbTable.OfProgram(console);
        if (args is [] && Terminal.IsTerminal(CliConsole.OutDescriptor)) args = ["help"];
        if (args is [var word, ..] && verbs.Find(word) is { } verb) return await VerbTable.RunAsync(verb, args.AsMemory(1), console, CancellationToken.None);
        if (args.ContainsAny("--help", "-h"))
        {
            HelpVerb.PrintAll(verbs, console.Out);
            console.Out.Flush();
            return 0;
        }
        if (args is ["--version", ..])
        {
            console.Out.WriteLine($"Kubernetes {KubeletVersion.Text}");
            console.Out.Flush();
            return 0;
        }
        return await Daemon.RunAsync(args, console.Error);
    }
}
