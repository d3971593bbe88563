using System.Text;
using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Cli;
using NativeKubelet.Linux.Terminals;
using NativeKubelet.Tests.Unit.App.Server.Local;

namespace NativeKubelet.Tests.Unit.App.Cli;

/// <summary>A verb as its user sees it: exit code and what it printed.</summary>
internal sealed record VerbRun(int Code, string Out, string Error)
{
    /// <param name="size">Makes the output a terminal.</param>
    public static async Task<VerbRun> Of(FakeNode node, TerminalSize? size, params string[] words)
    {
        using MemoryStream output = new();
        using StringWriter error = new() { NewLine = "\n" };
        FakeTimeProvider time = new(FakeNode.T0.AddMinutes(5));
        CliConsole console = new(output, error, time, size);
        VerbSpec verb = VerbTable.OfProgram(console).Find(words[0]) ?? throw new ArgumentException(words[0]);
        string[] args = [.. words[1..], .. verb.Options.Any(o => o.Name == "run-dir") && !words.Contains("--") ? new[] { "--run-dir", node.Run } : []];
        if (words.Contains("--") && verb.Options.Any(o => o.Name == "run-dir")) args = ["--run-dir", node.Run, .. args];
        int code = await VerbTable.RunAsync(verb, args, console, TestContext.Current.CancellationToken);
        return new(code, Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }

    public static Task<VerbRun> Of(FakeNode node, params string[] words) => Of(node, null, words);
}
