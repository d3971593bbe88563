namespace NativeKubelet;

/// <summary>The version of Kubernetes that this program is the kubelet of.</summary>
internal static class KubeletVersion
{
    public const string Text = "v1.36.2";
}
