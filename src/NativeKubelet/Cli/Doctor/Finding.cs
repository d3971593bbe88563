namespace NativeKubelet.Cli.Doctor;

public enum FindingLevel { Ok, Warn, Fail }

/// <summary>One thing that was looked at. Warn: something works less well, or for some pods only; Fail: the node or its pods will not run.</summary>
/// <param name="Subject">A word or two: "cgroups", "port 10248".</param>
/// <param name="What">What is there.</param>
/// <param name="Why">Why that is bad; empty when it is not, or when <paramref name="What"/> says it.</param>
/// <param name="Next">What to do about it; empty likewise.</param>
public sealed record Finding(FindingLevel Level, string Subject, string What, string Why, string Next)
{
    /// <summary>All of it in one line, for a log or an error.</summary>
    public string Sentence => $"{What}{(Why.Length > 0 ? ": " : "")}{Why}{(Next.Length > 0 ? "; " : "")}{Next}";

    public static Finding Ok(string subject, string what) => new(FindingLevel.Ok, subject, what, "", "");

    public static Finding Warn(string subject, string what, string why, string next) => new(FindingLevel.Warn, subject, what, why, next);

    public static Finding Fail(string subject, string what, string why, string next) => new(FindingLevel.Fail, subject, what, why, next);
}
