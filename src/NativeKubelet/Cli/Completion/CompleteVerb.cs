using NativeKubelet.Api.Local;

namespace NativeKubelet.Cli.Completion;

/// <summary>
/// What the shells' scripts call at each Tab: a line <c>WORD TAB HELP</c> for each candidate, and last one that begins with a
/// colon and says what the shell adds (<c>:files</c>, <c>:directories</c>, <c>:none</c>). Errors are silence: they would be
/// written into the line that somebody types.
/// </summary>
public sealed class CompleteVerb(CliConsole console, Func<VerbTable> verbs)
{
    /// <summary>Nobody waits longer for a Tab.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    public VerbSpec Spec => new("__complete", "-- WORD…", "what could stand in place of the last word", [], RunAsync);

    private async Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        CompletionAnswer answer = Completions.Of(verbs(), call.Rest.AsSpan());
        IEnumerable<Candidate> candidates = answer.Candidates;
        if (answer.Wanted != WordKind.Text && verbs().Find(call.Rest[0]) is { } verb)
            candidates = (await AskAsync(verb, [.. call.Rest.Skip(1).SkipLast(1)], answer.Wanted, cancel))
                .Where(c => c.Word.StartsWith(call.Rest[^1][answer.Prefix.Length..], StringComparison.Ordinal));
        foreach (Candidate candidate in candidates) console.Out.WriteLine(CliConsole.Clean(answer.Prefix + candidate.Word) + "\t" + CliConsole.Clean(candidate.Help));
        console.Out.WriteLine(answer.Files switch { WordKind.File => ":files", WordKind.Directory => ":directories", _ => ":none" });
        console.Out.Flush();
        return 0;
    }

    private async Task<IReadOnlyList<Candidate>> AskAsync(VerbSpec verb, string[] before, WordKind wanted, CancellationToken cancel)
    {
        AgentClient agent = new(Completions.OptionBefore(VerbSpec.RunDirectory, before) ?? AgentClient.DefaultRunDirectory);
        using CancellationTokenSource over = new(Patience, console.Time);
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancel, over.Token);
        try
        {
            if (wanted == WordKind.Image)
            {
                ImageListDocument images = await agent.GetAsync("/v1/images", LocalJson.Default.ImageListDocument, patience.Token);
                return [.. images.Images.SelectMany(i => i.Tags.Select(t => new Candidate(t, Units.Bytes(i.SizeBytes)))).OrderBy(c => c.Word, StringComparer.Ordinal)];
            }
            PodListDocument list = await agent.GetAsync("/v1/pods", LocalJson.Default.PodListDocument, patience.Token);
            return Of(list.Pods, verb, before, wanted);
        }
        catch (VerbException)
        {
            return [];
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return [];
        }
    }

    private static IReadOnlyList<Candidate> Of(IReadOnlyList<PodDocument> pods, VerbSpec verb, string[] before, WordKind wanted)
    {
        string? space = Completions.OptionBefore(VerbSpec.Namespace, before);
        switch (wanted)
        {
            case WordKind.Namespace:
                return [.. pods.Select(p => p.Namespace).Distinct().Select(n => new Candidate(n))];
            case WordKind.Pod:
                return [.. pods.Where(p => space is null || p.Namespace == space).Select(p => new Candidate(NameOf(p, space), p.Status))];
            case WordKind.Container when Completions.OperandsBefore(verb, before) is [var typed, ..]:
                PodDocument pod = PodChoice.Pod(pods, typed, space);
                return [.. pod.Containers.Concat(pod.EphemeralContainers).Select(c => new Candidate(c.Name, c.State))];
            default:
                return [];
        }
    }

    private static string NameOf(PodDocument pod, string? space) => space is not null || pod.Namespace == "default" ? pod.Name : $"{pod.Namespace}/{pod.Name}";
}
