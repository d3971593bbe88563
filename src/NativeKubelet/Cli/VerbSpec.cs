using System.Collections.Immutable;

namespace NativeKubelet.Cli;

/// <summary>What a word on the command line names; completion offers those that there are.</summary>
public enum WordKind { Text, File, Directory, Pod, Container, Image, Namespace, Verb }

/// <param name="Short">0 where there is none.</param>
/// <param name="Value">What the value is called in the usage; null for a switch.</param>
public sealed record OptionSpec(string Name, char Short, string? Value, string Help)
{
    /// <summary>The only values that it takes; empty where any is fine.</summary>
    public ImmutableArray<string> Choices { get; init; } = [];

    public WordKind Kind { get; init; }
}

/// <summary>One verb as the user sees it; help and shell completion are made from these.</summary>
/// <param name="Operands">The usage's words after the options.</param>
public sealed record VerbSpec(
    string Name,
    string Operands,
    string Summary,
    ImmutableArray<OptionSpec> Options,
    Func<VerbCall, CancellationToken, Task<int>> RunAsync)
{
    /// <summary>The heading that help lists it under; empty: it is there for programs and not listed.</summary>
    public string Group { get; init; } = "";

    /// <summary>What the operands name, one after the other; the last also stands for those that follow.</summary>
    public ImmutableArray<WordKind> Words { get; init; } = [];

    /// <summary>The words that the first operand is chosen from; empty where any is fine.</summary>
    public ImmutableArray<string> Choices { get; init; } = [];

    /// <summary>Where the verb finds the agent; every verb that talks to one takes it.</summary>
    public static OptionSpec RunDirectory { get; } = new("run-dir", '\0', "DIR", "the agent's run directory (default /run/nativekubelet)") { Kind = WordKind.Directory };

    public static OptionSpec Output { get; } = new("output", 'o', "FORMAT", "json or yaml instead of a table") { Choices = ["json", "yaml"] };

    public static OptionSpec Namespace { get; } = new("namespace", 'n', "NAME", "only pods of this namespace") { Kind = WordKind.Namespace };

    public static OptionSpec Container { get; } = new("container", 'c', "NAME", "the container (default: the pod's first)") { Kind = WordKind.Container };

    /// <exception cref="UsageException">An unknown option, a missing value, or one that is none of its choices.</exception>
    public VerbCall Parse(ReadOnlySpan<string> args)
    {
        Dictionary<string, string> values = [];
        List<string> operands = [], rest = [];
        for (int i = 0; i < args.Length; i++)
        {
            string word = args[i];
            if (word == "--")
            {
                rest.AddRange(args[(i + 1)..]);
                break;
            }
            if (word.StartsWith("--", StringComparison.Ordinal))
            {
                string[] parts = word[2..].Split('=', 2);
                OptionSpec option = Options.FirstOrDefault(o => o.Name == parts[0]) ?? throw new UsageException(this, $"unknown option --{parts[0]}");
                if (option.Value is null) values[option.Name] = parts.Length == 1 ? "true" : throw new UsageException(this, $"--{option.Name} takes no value");
                else values[option.Name] = parts.Length == 2 ? parts[1] : ++i < args.Length ? args[i] : throw new UsageException(this, $"--{option.Name} needs a {option.Value}");
            }
            else if (word.Length > 1 && word[0] == '-')
            {
                // Switches may stand together (-it); the last may take a value.
                for (int at = 1; at < word.Length; at++)
                {
                    OptionSpec option = Options.FirstOrDefault(o => o.Short == word[at]) ?? throw new UsageException(this, $"unknown option -{word[at]}");
                    if (option.Value is null)
                    {
                        values[option.Name] = "true";
                        continue;
                    }
                    values[option.Name] = at + 1 < word.Length ? word[(at + 1)..].TrimStart('=') : ++i < args.Length ? args[i] : throw new UsageException(this, $"-{word[at]} needs a {option.Value}");
                    break;
                }
            }
            else operands.Add(word);
        }
        foreach (OptionSpec option in Options.Where(o => !o.Choices.IsEmpty))
            if (values.TryGetValue(option.Name, out string? value) && !option.Choices.Contains(value))
                throw new UsageException(this, $"--{option.Name} is {string.Join(" or ", option.Choices)}, not \"{value}\"");
        return new VerbCall(this, [.. operands], [.. rest], values);
    }

    public void PrintHelp(TextWriter to)
    {
        to.WriteLine($"usage: nativekubelet {Name}{(Options.IsEmpty ? "" : " [options]")}{(Operands.Length > 0 ? " " + Operands : "")}");
        to.WriteLine();
        to.WriteLine($"  {Summary}");
        if (Options.IsEmpty) return;
        to.WriteLine();
        foreach (OptionSpec o in Options)
        {
            string names = (o.Short == 0 ? "    " : $"-{o.Short}, ") + $"--{o.Name}" + (o.Value is null ? "" : $" {o.Value}");
            to.WriteLine($"  {names,-28} {o.Help}");
        }
    }
}

/// <param name="Rest">The words after <c>--</c>.</param>
public sealed record VerbCall(VerbSpec Verb, ImmutableArray<string> Operands, ImmutableArray<string> Rest, IReadOnlyDictionary<string, string> Values)
{
    public bool Has(string option) => Values.ContainsKey(option);

    public string Get(string option, string absent) => Values.GetValueOrDefault(option, absent);

    public string? TryGet(string option) => Values.GetValueOrDefault(option);

    /// <exception cref="UsageException">It is not there.</exception>
    public string Operand(int index, string what) =>
        index < Operands.Length ? Operands[index] : throw new UsageException(Verb, $"{what} is missing");

    /// <exception cref="UsageException">Given, but no whole number.</exception>
    public int? Number(string option) =>
        TryGet(option) is not { } text ? null
        : int.TryParse(text, out int n) ? n : throw new UsageException(Verb, $"--{option} needs a whole number, not \"{text}\"");
}

/// <summary>The command line is wrong: one line that says how, and where help is. Exit code 2.</summary>
public sealed class UsageException(VerbSpec verb, string problem)
    : Exception($"nativekubelet {verb.Name}: {problem}; 'nativekubelet {verb.Name} --help' shows the usage");

/// <summary>The verb cannot do what was asked: said in one line on stderr, exit code 1.</summary>
public class VerbException(string message) : Exception(message);
