using System.Diagnostics;
using System.Globalization;

namespace NativeKubelet.Tests.Fuzz;

/// <summary>
/// Every parser of bytes from outside, fed with spoiled samples for its share of the time. It may refuse them in its own
/// words; anything else (another exception, an endless loop) fails with the input, which then becomes a unit test.
/// NK_FUZZ_SECONDS is for all targets together, NK_FUZZ_SEED repeats a run.
/// </summary>
public sealed class ParserFuzzTests
{
    /// <summary>No input of 64 KiB may hold a parser up for longer, on however busy a machine.</summary>
    private static readonly TimeSpan TooLong = TimeSpan.FromSeconds(5);

    private static readonly double Seconds = Number("NK_FUZZ_SECONDS", 30);

    // The same each time: what a change breaks is told by its own run. `build.sh fuzz` gives others, and finds what was there before.
    private static readonly int Seed = (int)Number("NK_FUZZ_SEED", 1);

    public static TheoryData<string> Names => [.. Targets.All.Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Spoiled_input_is_refused_in_the_parsers_own_words(string name)
    {
        Target target = Targets.All.Single(t => t.Name == name);
        foreach (byte[] sample in target.Corpus) Feed(target, sample);

        Mutator mutator = new(Seed, target.Corpus);
        Stopwatch share = Stopwatch.StartNew();
        long runs = 0;
        for (; share.Elapsed.TotalSeconds < Seconds / Targets.All.Count; runs++) Feed(target, mutator.Next());
        TestContext.Current.TestOutputHelper?.WriteLine($"{runs} inputs, seed {Seed}");
        Assert.True(runs > 0);
    }

    private static void Feed(Target target, byte[] input)
    {
        long start = Stopwatch.GetTimestamp();
        try
        {
            target.Parse(input);
        }
        catch (Exception e) when (target.Refusals.Any(refusal => refusal.IsInstanceOfType(e)))
        {
            // Refused, as it should be.
        }
        catch (Exception e)
        {
            Assert.Fail($"{target.Name}, seed {Seed}: {e.GetType().Name}: {e.Message}\n{e.StackTrace}\ninput (base64): {Convert.ToBase64String(input)}");
        }
        if (Stopwatch.GetElapsedTime(start) is var took && took > TooLong)
            Assert.Fail($"{target.Name}, seed {Seed}: took {took} for input (base64): {Convert.ToBase64String(input)}");
    }

    private static double Number(string variable, double otherwise) =>
        double.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out double value) ? value : otherwise;
}
