namespace NativeKubelet.Linux.Netlink;

/// <summary>Numbers of linux/netfilter/nfnetlink.h and nf_tables.h.</summary>
internal static class Nft
{
    public const ushort BatchBegin = 0x10, BatchEnd = 0x11, Subsystem = 10;
    public const byte NewTable = 0, GetTable = 1, DeleteTable = 2, NewChain = 3, GetChain = 4, NewRule = 6, NewSet = 9, NewElements = 12;
    public const int Header = 4;

    // NFTA_TABLE_, NFTA_CHAIN_, NFTA_HOOK_, NFTA_RULE_, NFTA_SET_, NFTA_SET_ELEM_LIST_, NFTA_SET_ELEM_
    public const ushort TableName = 1;
    public const ushort ChainTable = 1, ChainName = 3, ChainHook = 4, ChainPolicy = 5, ChainType = 7;
    public const ushort HookNumber = 1, HookPriority = 2;
    public const ushort RuleTable = 1, RuleChain = 2, RuleExpressions = 4;
    public const ushort SetTable = 1, SetName = 2, SetFlags = 3, SetKeyType = 4, SetKeyLength = 5, SetDataType = 6, SetDataLength = 7, SetId = 10;
    public const ushort ElementsTable = 1, ElementsSet = 2, Elements = 3, ElementsSetId = 4;
    public const ushort ElementKey = 1, ElementData = 2, ElementUserData = 6;
    public const uint MapFlag = 8;

    // NFTA_LIST_, NFTA_EXPR_, NFTA_DATA_
    public const ushort ListItem = 1, ExpressionName = 1, ExpressionData = 2, DataValue = 1, DataVerdict = 2, VerdictCode = 1, VerdictChain = 2;

    // Types as nft(8) shows them; a concatenation shifts by six bits.
    public const uint Ipv4Type = 7, Ipv6Type = 8, ProtocolType = 12, ServiceType = 13;

    public const uint Drop = 0, Accept = 1, JumpCode = unchecked((uint)-3);
    public const int CommentLimit = 126;
}

/// <summary>Places in the way of a packet (NF_INET_).</summary>
public enum NftHook { Prerouting = 0, Input = 1, Forward = 2, Output = 3, Postrouting = 4 }
