using System.Collections.Immutable;
using NativeKubelet.Config;

namespace NativeKubelet.Cli.Completion;

/// <param name="Help">Empty where the word says it all.</param>
public sealed record Candidate(string Word, string Help = "");

/// <summary>What could stand where the cursor is.</summary>
/// <param name="Files">The shell itself adds files or directories: it knows them best.</param>
/// <param name="Wanted">What of the node would fit; whoever can ask the agent adds it.</param>
/// <param name="Prefix">What stands before the candidate in the same word, as in <c>--container=</c>.</param>
public sealed record CompletionAnswer(ImmutableArray<Candidate> Candidates, WordKind Files = WordKind.Text, WordKind Wanted = WordKind.Text, string Prefix = "")
{
    public static CompletionAnswer Nothing { get; } = new([]);
}

/// <summary>Shell completion, made from the verbs and flags as they are. Pure: what only the node knows is asked for by kind.</summary>
public static class Completions
{
    /// <param name="words">After the program's name; the last one is being typed and may be empty.</param>
    public static CompletionAnswer Of(VerbTable verbs, ReadOnlySpan<string> words)
    {
        if (words.IsEmpty) return CompletionAnswer.Nothing;
        string typed = words[^1];
        if (words.Length == 1 && !typed.StartsWith('-')) return Fitting(typed, Verbs(verbs));
        if (verbs.Find(words[0]) is not { } verb) return Flags(words[..^1], typed);
        ReadOnlySpan<string> before = words[1..^1];
        if (before.Contains("--")) return CompletionAnswer.Nothing;      // the words of another program
        if (ValueOf(verb, before, typed) is { } value) return value;
        if (typed.StartsWith('-')) return Fitting(typed, verb.Options.Select(o => new Candidate("--" + o.Name, o.Help)).Append(new("--help", "tells about this verb")));
        return Operand(verbs, verb, OperandsBefore(verb, before).Count, typed);
    }

    /// <summary>The operands among <paramref name="words"/>: what is neither an option nor its value.</summary>
    public static List<string> OperandsBefore(VerbSpec verb, ReadOnlySpan<string> words)
    {
        List<string> operands = [];
        for (int i = 0; i < words.Length; i++)
            if (!words[i].StartsWith('-')) operands.Add(words[i]);
            else if (AwaitsValue(verb, words[i]) is not null) i++;
        return operands;
    }

    /// <summary>The value of an option among <paramref name="words"/>, which need not hold together yet.</summary>
    public static string? OptionBefore(OptionSpec option, ReadOnlySpan<string> words)
    {
        for (int i = 0; i < words.Length; i++)
            if (words[i].StartsWith($"--{option.Name}=", StringComparison.Ordinal)) return words[i][(option.Name.Length + 3)..];
            else if ((words[i] == "--" + option.Name || words[i] == $"-{option.Short}") && i + 1 < words.Length) return words[i + 1];
        return null;
    }

    private static CompletionAnswer Operand(VerbTable verbs, VerbSpec verb, int index, string typed)
    {
        bool repeats = verb.Operands.Contains('…', StringComparison.Ordinal);
        if (verb.Words.IsEmpty || (index >= verb.Words.Length && !repeats)) return index == 0 ? Fitting(typed, verb.Choices.Select(c => new Candidate(c))) : CompletionAnswer.Nothing;
        CompletionAnswer answer = OfKind(verbs, verb.Words[Math.Min(index, verb.Words.Length - 1)], typed);
        return index == 0 && !verb.Choices.IsEmpty ? answer with { Candidates = [.. answer.Candidates, .. Fitting(typed, verb.Choices.Select(c => new Candidate(c))).Candidates] } : answer;
    }

    private static CompletionAnswer? ValueOf(VerbSpec verb, ReadOnlySpan<string> before, string typed)
    {
        if (typed.StartsWith("--", StringComparison.Ordinal) && typed.IndexOf('=') is > 0 and var equals)
            return verb.Options.FirstOrDefault(o => o.Name == typed[2..equals] && o.Value is not null) is { } named
                ? OfOption(named, typed[(equals + 1)..]) with { Prefix = typed[..(equals + 1)] } : CompletionAnswer.Nothing;
        return !before.IsEmpty && AwaitsValue(verb, before[^1]) is { } option ? OfOption(option, typed) : null;
    }

    private static OptionSpec? AwaitsValue(VerbSpec verb, string word) => word switch
    {
        ['-', '-', ..] => verb.Options.FirstOrDefault(o => o.Value is not null && word.AsSpan(2).SequenceEqual(o.Name)),
        // Switches may stand together; a value in the same word is there already.
        ['-', .., var last] when word.Skip(1).SkipLast(1).All(c => verb.Options.Any(o => o.Short == c && o.Value is null)) =>
            verb.Options.FirstOrDefault(o => o.Short == last && o.Value is not null),
        _ => null,
    };

    private static CompletionAnswer OfOption(OptionSpec option, string typed) =>
        option.Choices.IsEmpty ? OfKind(null, option.Kind, typed) : Fitting(typed, option.Choices.Select(c => new Candidate(c)));

    private static CompletionAnswer OfKind(VerbTable? verbs, WordKind kind, string typed) => kind switch
    {
        WordKind.File or WordKind.Directory => new([], Files: kind),
        WordKind.Verb when verbs is not null => Fitting(typed, Verbs(verbs)),
        WordKind.Text or WordKind.Verb => CompletionAnswer.Nothing,
        _ => new([], Wanted: kind),
    };

    /// <summary>The kubelet's command line.</summary>
    private static CompletionAnswer Flags(ReadOnlySpan<string> before, string typed)
    {
        if (typed.IndexOf('=') is > 0 and var equals)
            return KubeletFlags.Find(typed[..equals].TrimStart('-')) is { Kind: FlagKind.Text } ? new([], Files: WordKind.File, Prefix: typed[..(equals + 1)]) : CompletionAnswer.Nothing;
        if (typed.StartsWith('-') || before.IsEmpty)
            return Fitting(typed, KubeletFlags.All.Where(f => f.Status == FlagStatus.Read).Select(f => new Candidate("--" + f.Name + (f.Kind is FlagKind.Bool or FlagKind.Version ? "" : "="), f.Effect)));
        return new([], Files: WordKind.File);
    }

    private static IEnumerable<Candidate> Verbs(VerbTable verbs) => verbs.All.Where(v => v.Group.Length > 0).Select(v => new Candidate(v.Name, v.Summary));

    private static CompletionAnswer Fitting(string typed, IEnumerable<Candidate> all) => new([.. all.Where(c => c.Word.StartsWith(typed, StringComparison.Ordinal))]);
}
