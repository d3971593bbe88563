using System.Collections.Immutable;
using System.Text.Json;
using NativeKubelet.Cli.Doctor;

namespace NativeKubelet.Cli.Verbs;

/// <summary><c>doctor</c>: what on this machine would keep a node from running, or runs less well, and how to mend it.</summary>
public sealed class DoctorVerb(CliConsole console)
{
    public VerbSpec Spec => new(
        "doctor", "[-- KUBELET-FLAG…]", "looks for what would keep this machine from running pods; changes nothing",
        [
            new("config", '\0', "FILE", "the configuration file to judge by; further flags of the agent come after --") { Kind = WordKind.File },
            new("quiet", 'q', null, "only what is not in order"),
            VerbSpec.Output,
            VerbSpec.RunDirectory,
        ],
        RunAsync);

    private async Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        if (!call.Operands.IsEmpty) throw new UsageException(call.Verb, $"unexpected word \"{call.Operands[0]}\"; flags of the agent come after --");
        string format = call.Get("output", "");
        string[] flags = [.. Given(call, "config"), .. Given(call, "run-dir"), .. call.Rest];
        NodeSight sight = await SightReader.ReadAsync(flags, console.Time, cancel);
        ImmutableArray<Finding> findings = Examination.Of(sight);
        bool ok = findings.All(f => f.Level != FindingLevel.Fail);
        if (call.Has("quiet")) findings = [.. findings.Where(f => f.Level != FindingLevel.Ok)];
        if (format.Length > 0) Print(findings, ok, format);
        else Print(findings);
        return ok ? 0 : VerbTable.Failed;
    }

    private void Print(ImmutableArray<Finding> findings, bool ok, string format)
    {
        DoctorDocument document = new(ok, [.. findings.Select(f => new FindingDocument(Word(f.Level), f.Subject, f.What, f.Why, f.Next))]);
        JsonOutput.Print(JsonSerializer.SerializeToElement(document, DoctorJson.Default.DoctorDocument), format, console.Out);
    }

    private void Print(ImmutableArray<Finding> findings)
    {
        const string under = "      ";
        foreach (Finding finding in findings)
        {
            console.Out.WriteLine(CliConsole.Clean($"{Word(finding.Level),-5} {finding.Subject}: {finding.What}"));
            if (finding.Why.Length > 0) console.Out.WriteLine(under + CliConsole.Clean(finding.Why));
            if (finding.Next.Length > 0) console.Out.WriteLine(under + "→ " + CliConsole.Clean(finding.Next));
        }
        int failed = findings.Count(f => f.Level == FindingLevel.Fail), warned = findings.Count(f => f.Level == FindingLevel.Warn);
        console.Out.WriteLine(failed > 0 ? $"{failed} would keep pods from running, {warned} to look at" : warned > 0 ? $"pods can run; {warned} to look at" : "all is well");
        console.Out.Flush();
    }

    private static string[] Given(VerbCall call, string option) => call.TryGet(option) is { } value ? [$"--{option}={value}"] : [];

    private static string Word(FindingLevel level) => level switch { FindingLevel.Ok => "ok", FindingLevel.Warn => "warn", _ => "fail" };
}
