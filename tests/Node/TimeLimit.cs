using System.Globalization;

namespace NativeKubelet.Tests.Node;

/// <summary>How long tests wait for what must happen. NK_TIME_FACTOR stretches every limit on a machine that is slow by nature.</summary>
internal static class TimeLimit
{
    public static double Factor { get; } =
        double.TryParse(Environment.GetEnvironmentVariable("NK_TIME_FACTOR"), CultureInfo.InvariantCulture, out double factor) && factor >= 1 ? factor : 1;

    public static TimeSpan Of(double seconds) => TimeSpan.FromSeconds(seconds * Factor);

    /// <summary>Asks until the answer is yes: on a busy machine a killed process may take its time to end, and who is asked says "not yet".</summary>
    public static async Task<bool> AgainAsync(Func<Task<bool>> ask)
    {
        for (CancellationToken deadline = Token(); !deadline.IsCancellationRequested;)
            if (await ask()) return true;
        return false;
    }

    public static CancellationToken Token(double seconds = 60) => new CancellationTokenSource(Of(seconds)).Token;
}
